import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Provenance, Run, RunFate } from './history.ts';
import { type Answer, type Behaviour, callerNamed, readWire } from './plan.ts';

/**
 * The API behind the gateway, in the process that checks: it never dies, so its history is whole. What it
 * does on a run stands in the request; how often each behaviour came is counted.
 */
export class ChaosOrigin {
  readonly runs: Run[] = [];
  readonly behaved = new Map<Behaviour, number>();
  readonly #runsOf = new Map<string, number>();
  readonly #active = new Set<number>();
  #lastRun = 0;
  #server = createServer((request, response) => void this.#answer(request, response));

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** How many runs have not ended. */
  get active(): number {
    return this.#active.size;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    this.#lastRun += 1;
    const run = this.#lastRun;
    this.#active.add(run);
    const ended = Promise.withResolvers<void>();
    response.once('close', () => ended.resolve());
    const url = new URL(request.url ?? '/', 'http://origin');
    const answer: Answer = JSON.parse(url.searchParams.get('plan') ?? '');
    const body = await textOf(request);
    const route = `/${url.pathname.split('/')[1]}/*`;
    const asked = readWire(route, request.headers, body);
    const provenance: Provenance = { route, caller: callerNamed(request.headers), run, ...asked };
    const behaviour = body === null ? 'ok' : this.#behaviourFor(provenance, answer);
    if (body !== null) {
      this.behaved.set(behaviour, (this.behaved.get(behaviour) ?? 0) + 1);
      behave(behaviour, response, answer, provenance).catch(() => response.destroy());
    }
    await ended.promise;
    this.#active.delete(run);
    this.runs.push({
      ...provenance,
      startedAt,
      endedAt: performance.now(),
      fate: fateOf(behaviour, response.writableFinished),
    });
  }

  #behaviourFor({ route, caller, key }: Provenance, answer: Answer): Behaviour {
    const subject = JSON.stringify([route, caller, key]);
    const before = this.#runsOf.get(subject) ?? 0;
    this.#runsOf.set(subject, before + 1);
    return answer.behaviours[before] ?? 'ok';
  }
}

/** `null` where the request breaks off. */
async function textOf(request: IncomingMessage): Promise<string | null> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  } catch {
    return null;
  }
}

function fateOf(behaviour: Behaviour, finished: boolean): RunFate {
  switch (behaviour) {
    case 'ok':
      return finished ? 'succeeded' : 'cut';
    case 'fail':
    case 'fail-large':
      return 'failed';
    default:
      return 'broke';
  }
}

const LARGE_FAILURE_BYTES = 4 * 1024 * 1024;

async function behave(
  behaviour: Behaviour,
  response: ServerResponse,
  answer: Answer,
  from: Provenance,
): Promise<void> {
  const bytes = bodyOf(from, behaviour === 'fail-large' ? LARGE_FAILURE_BYTES : answer.bytes);
  const failing = behaviour === 'fail' || behaviour === 'fail-large';
  if (behaviour === 'reset') return void response.socket?.resetAndDestroy();
  if (behaviour === 'stall-head') return;
  response.writeHead(failing ? 500 + (from.run % 4) : 200, {
    'content-type': answer.type,
    ...(answer.announcesLength ? { 'content-length': bytes.length } : {}),
  });
  // Cut short, the body still holds its first line, which says what it is.
  const cut = behaviour === 'truncate' || behaviour === 'stall-body' ? bytes.length - 1 : bytes.length;
  const step = Math.ceil(cut / answer.pieces);
  for (let at = 0; at < cut; at += step) {
    if (at > 0) await sleep(answer.gapMs);
    if (response.destroyed) return;
    if (!response.write(bytes.subarray(at, Math.min(at + step, cut)))) {
      await drained(response);
    }
  }
  if (behaviour === 'stall-body') return;
  if (behaviour === 'truncate') return void response.destroy();
  response.end();
}

/** Resolves when there is room again, or nobody to write to. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

/** Where the bytes come from, on the first line; then filler that no other run has, and a mark at the end. */
function bodyOf(from: Provenance, bytes: number): Buffer {
  const head = Buffer.from(`${JSON.stringify(from)}\n`);
  const filler = Buffer.alloc(bytes, `${from.run}.${from.caller}.`);
  return Buffer.concat([head, filler, Buffer.from('\nend\n')]);
}
