/**
 * The load generator, in a process of its own: HTTP/1.1 on bare sockets, because a full client takes as much
 * of the machine as what is measured. A line of JSON in is a job, a line of JSON out its result.
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { LoadJob, LoadResult } from '../load-job.ts';
import { ResponseReader } from './response-reader.ts';

async function run(job: LoadJob): Promise<LoadResult> {
  const requests = new Requests(job);
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: job.connections }, () => connection(job, requests)));
  return requests.result(performance.now() - startedAt);
}

/** Hands out the requests of a job, and collects what became of them. */
class Requests {
  readonly #job: LoadJob;
  readonly #endsAt: number;
  readonly #head: string;
  readonly #pad: Buffer;
  readonly #expected: RegExp | null;
  readonly #latenciesMs: number[] = [];
  readonly #unexpected: Record<string, number> = {};
  #sent = 0;
  #bytes = 0;

  constructor(job: LoadJob) {
    this.#job = job;
    this.#endsAt = performance.now() + job.maxMs;
    const { pathname, search, host } = new URL(job.url);
    const fields = {
      host,
      ...job.headers,
      ...(job.body === null ? {} : { 'content-length': job.body.bytes }),
    };
    this.#head = `${job.method} ${pathname}${search} HTTP/1.1\r\n${Object.entries(fields)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}`;
    this.#pad = Buffer.alloc(
      job.body === null
        ? 0
        : Math.max(0, job.body.bytes - this.#bodyStart(0).length - endOf(job.body).length),
      'x',
    );
    this.#expected = job.expect.head === undefined ? null : new RegExp(job.expect.head);
  }

  /** The next request as the pieces to write; `null` where there are no more. */
  next(): [string, Buffer | null] | null {
    if (this.#sent >= this.#job.maxRequests || performance.now() >= this.#endsAt) return null;
    const { keys, body } = this.#job;
    const n =
      keys?.pool === undefined
        ? Math.floor(this.#sent / (keys?.sharedBy ?? 1))
        : ((keys.from ?? 0) + this.#sent) % keys.pool;
    this.#sent += 1;
    const key = keys === null ? '' : `${keys.header}: ${keys.prefix}${n}\r\n`;
    if (body === null) return [`${this.#head}${key}\r\n`, null];
    const start = `${this.#head}${key}\r\n${this.#bodyStart(n + (body.shift ?? 0))}`;
    const end = endOf(body);
    // What is small goes in one write.
    if (this.#pad.length > 64 * 1024) return [start, Buffer.concat([this.#pad, Buffer.from(end)])];
    return [start + this.#pad.toString('latin1') + end, null];
  }

  done(head: string, bytes: number, ms: number): void {
    this.#latenciesMs.push(ms);
    this.#bytes += bytes;
    const status = head.slice(9, 12);
    if (status !== String(this.#job.expect.status)) this.#note(`status ${status}`);
    else if (this.#expected !== null && !this.#expected.test(head.toLowerCase())) this.#note('head');
  }

  #note(what: string): void {
    this.#unexpected[what] = (this.#unexpected[what] ?? 0) + 1;
  }

  failed(error: Error): void {
    this.#note(error.message);
  }

  result(ms: number): LoadResult {
    const sorted = Float64Array.from(this.#latenciesMs).sort();
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return {
      requests: sorted.length,
      perSecond: (sorted.length / ms) * 1000,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      bytesPerSecond: (this.#bytes / ms) * 1000,
      unexpected: this.#unexpected,
    };
  }

  #bodyStart(n: number): string {
    const number = String(n).padStart(9, '0');
    return this.#job.body?.kind === 'chat'
      ? `{"model":"gpt-4o","messages":[{"role":"user","content":"${number}"}],"stop":["`
      : `{"n":"${number}","pad":"`;
  }
}

function endOf(body: { readonly kind: 'json' | 'chat' }): string {
  return body.kind === 'chat' ? '"]}' : '"}';
}

/** One request after the other on one connection. */
function connection(job: LoadJob, requests: Requests): Promise<void> {
  const { hostname, port } = new URL(job.url);
  return new Promise((resolve) => {
    let startedAt = 0;
    const socket: Socket = connect(Number(port), hostname, send);
    const reader = new ResponseReader((head, bytes) => {
      requests.done(head, bytes, performance.now() - startedAt);
      send();
    });
    function send(): void {
      const next = requests.next();
      if (next === null) {
        socket.destroy();
        resolve();
        return;
      }
      startedAt = performance.now();
      const [start, rest] = next;
      socket.write(start, 'latin1');
      if (rest !== null) socket.write(rest);
    }
    socket.setNoDelay();
    socket.on('data', (chunk) => reader.read(chunk));
    socket.on('error', (error) => requests.failed(error));
    socket.on('close', () => {
      if (!reader.idle) requests.failed(new Error('connection closed'));
      resolve();
    });
  });
}

createInterface(process.stdin).on('line', async (line) => {
  const result = await run(JSON.parse(line));
  process.stdout.write(`${JSON.stringify(result)}\n`);
});
process.stdout.write('ready load\n');
