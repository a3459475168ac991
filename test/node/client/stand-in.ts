import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { problem, type Received, type Server, serve } from './server.ts';

/** What an upstream answers; it may take its time between chunks, and it may throw in mid-body. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly chunks: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;
}

export interface StandInOptions {
  readonly concurrent?: 'wait' | 'reject';
  /**
   * Bytes after which the client's connection number n (from 1) is cut, 0 for no head at all; the execution
   * goes on.
   */
  readonly cut?: (connection: number) => number | undefined;
}

export interface StandIn extends Server {
  /** Requests that reached the upstream. */
  readonly executions: readonly Received[];
}

/**
 * A small gateway that keeps to the contract: one execution per caller and key, replayed or joined by all
 * others.
 */
export async function standIn(
  upstream: (request: Received, execution: number) => Answer | Promise<Answer>,
  options: StandInOptions = {},
): Promise<StandIn> {
  const executions: Received[] = [];
  const known = new Map<string, Execution>();
  const server = await serve(async (request, response) => {
    const key = request.headers['idempotency-key']?.toString();
    if (request.method !== 'POST' && request.method !== 'PATCH') {
      executions.push(request);
      return passOn(await upstream(request, executions.length), response);
    }
    if (!key) return problem('key-missing', 400)(request, response);
    const id = JSON.stringify([request.headers.authorization ?? '', key]);
    const fingerprint = fingerprintOf(request);
    let execution = known.get(id);
    if (execution && execution.fingerprint !== fingerprint)
      return problem('key-reused', 422)(request, response);
    if (execution && !execution.over && options.concurrent === 'reject') {
      return problem('in-progress', 409, { 'retry-after': '0' })(request, response);
    }
    let state = execution?.over ? 'hit; ttl=86400' : 'fwd=miss; collapsed';
    if (execution === undefined) {
      state = 'fwd=miss; stored';
      executions.push(request);
      execution = new Execution(fingerprint);
      known.set(id, execution);
      execution.run(upstream(request, executions.length)).catch(() => known.delete(id));
    }
    await execution.sendTo(response, state, options.cut?.(request.number));
  });
  return Object.assign(server, { executions });
}

class Execution {
  over = false;
  #failed = false;
  #answer: Answer | undefined;
  readonly #chunks: Buffer[] = [];
  #waiting: (() => void)[] = [];

  constructor(readonly fingerprint: string) {}

  async run(answer: Answer | Promise<Answer>): Promise<void> {
    try {
      this.#answer = await answer;
      this.#tell();
      for await (const chunk of this.#answer.chunks) {
        this.#chunks.push(Buffer.from(chunk));
        this.#tell();
      }
      const { status = 200 } = this.#answer;
      if (status < 200 || status > 299) throw new Error('failed: not recorded');
    } catch (error) {
      this.#failed = !(error instanceof Error && error.message.startsWith('failed:'));
      throw error;
    } finally {
      this.over = true;
      this.#tell();
    }
  }

  async sendTo(response: ServerResponse, state: string, cutAfter = Number.POSITIVE_INFINITY): Promise<void> {
    while (this.#answer === undefined && !this.over) await this.#news();
    if (this.#answer === undefined || cutAfter === 0) throw new Error('no head');
    const { status = 200, headers = {} } = this.#answer;
    response.writeHead(status, {
      ...headers,
      'cache-status': `oncegate; ${state}`,
      ...(state.startsWith('hit') && { 'idempotent-replayed': 'true' }),
    });
    response.flushHeaders();
    let sent = 0;
    for (let next = 0; ; next += 1) {
      while (next >= this.#chunks.length && !this.over) await this.#news();
      const chunk = this.#chunks[next];
      if (chunk === undefined) break;
      const part = chunk.subarray(0, cutAfter - sent);
      if (part.length > 0) await new Promise((resolve) => response.write(part, resolve));
      sent += part.length;
      if (sent >= cutAfter) throw new Error('cut');
    }
    if (this.#failed) throw new Error('broke off');
    response.end();
  }

  #news(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #tell(): void {
    for (const tell of this.#waiting.splice(0)) tell();
  }
}

async function passOn(
  { status = 200, headers = {}, chunks }: Answer,
  response: ServerResponse,
): Promise<void> {
  response.writeHead(status, { ...headers, 'cache-status': 'oncegate; fwd=bypass' });
  for await (const chunk of chunks) response.write(chunk);
  response.end();
}

function fingerprintOf({ method, path, headers, body }: Received): string {
  const mediaType = headers['content-type'] ?? '';
  const boundary = /boundary="?([^";]+)/.exec(mediaType)?.[1];
  const text = body.toString('latin1');
  const parts = [
    method,
    path,
    boundary ? 'multipart' : mediaType,
    boundary ? text.replaceAll(boundary, '') : text,
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
