import { createHash } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call, CallOutcome, Provenance } from './history.ts';
import { comesBack, type KeyPlan, type Leave, pathOf, wireOf } from './plan.ts';

/**
 * No call may take longer than this; one that does is broken off, and the promise that it breaks is in the
 * report.
 */
const CALL_MAX_MS = 30_000;
/** How long a client stays away that comes back for a result. */
const COMES_BACK_AFTER_MS = 50;
/** A client that leaves before the head does so after this long, if no head came. */
const LEAVES_AFTER_MS = 4;

/** What one request is answered with. `at`: the path and query where its result will be. */
type Answer = CallOutcome | { readonly kind: 'accepted'; readonly at: string };

/**
 * Sends requests and writes down what came back. It retries nothing by itself, so that each call is in the
 * history.
 */
export class RecordingClient {
  readonly calls: Call[] = [];
  readonly left = { 'before-head': 0, 'mid-body': 0 };
  /** Calls that had not ended after {@link CALL_MAX_MS}. */
  get hung(): Call[] {
    return this.calls.filter(({ startedAt, endedAt }) => endedAt - startedAt >= CALL_MAX_MS);
  }

  readonly #agent = new Agent({ keepAlive: true });
  #attempts = 0;

  stop(): void {
    this.#agent.destroy();
  }

  async send(url: string, plan: KeyPlan, leave: Leave = 'never', body = plan.body): Promise<CallOutcome> {
    const startedAt = performance.now();
    let answer = await this.#answer(url, pathOf(plan), plan, leave, body);
    while (answer.kind === 'accepted') {
      await sleep(COMES_BACK_AFTER_MS);
      const result = await this.#answer(url, answer.at, plan, 'never', null);
      // Whoever comes back may come back again, through whatever happens to the gateway.
      const unheard = result.kind === 'broken' || (result.kind === 'problem' && result.status === 503);
      if (!unheard) answer = result;
      if (performance.now() - startedAt > CALL_MAX_MS) answer = { kind: 'broken', by: 'gateway', from: null };
    }
    this.calls.push({ ...plan.subject, body, startedAt, endedAt: performance.now(), outcome: answer });
    return answer;
  }

  /** `body`: `null` asks for a result that was not waited for. */
  #answer(url: string, path: string, plan: KeyPlan, leave: Leave, body: string | null): Promise<Answer> {
    return new Promise((resolve) => {
      let by: 'client' | 'gateway' = 'gateway';
      this.#attempts += 1;
      const wire = body === null ? null : wireOf(plan, body, this.#attempts);
      const sent = request(`${url}${path}`, {
        method: body === null ? 'GET' : 'POST',
        agent: this.#agent,
        headers: {
          ...plan.headers,
          'accept-encoding': 'identity',
          ...(comesBack(plan) ? { prefer: 'respond-async' } : {}),
          ...(wire === null
            ? { 'idempotency-key': plan.subject.key }
            : { ...wire.headers, 'content-length': Buffer.byteLength(wire.body) }),
        },
      });
      const leaveNow = (when: 'before-head' | 'mid-body') => {
        by = 'client';
        this.left[when] += 1;
        // A reset: over bare TCP, a connection that is only closed is not known to be left.
        sent.socket?.resetAndDestroy();
        sent.destroy();
      };
      const deadline = setTimeout(() => sent.destroy(), CALL_MAX_MS);
      const settle = (outcome: Answer) => {
        clearTimeout(deadline);
        resolve(outcome);
      };
      let headCame = false;
      sent.on('response', (response) => {
        headCame = true;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          if (leave === 'mid-body' && by === 'gateway') leaveNow('mid-body');
        });
        // Without a listener the error of a broken response would end the process; `close` tells the same.
        response.on('error', () => {});
        response.on('close', () => {
          const bytes = Buffer.concat(chunks);
          settle(
            response.complete && by === 'gateway'
              ? whole(response, bytes)
              : { kind: 'broken', by, from: provenanceIn(bytes) },
          );
        });
      });
      sent.on('error', () => settle({ kind: 'broken', by, from: null }));
      // The last of all events; whatever could be told has been by then.
      sent.on('close', () => setImmediate(settle, { kind: 'broken', by, from: null }));
      sent.end(wire?.body);
      if (leave === 'before-head') {
        void sleep(LEAVES_AFTER_MS).then(() => headCame || leaveNow('before-head'));
      }
    });
  }
}

const PROBLEM_TYPE = /\/_oncegate\/problems\/([a-z-]+)$/;

function whole(response: IncomingMessage, bytes: Buffer): Answer {
  const status = response.statusCode ?? 0;
  const { location } = response.headers;
  if (status === 202 && location !== undefined) {
    const { pathname, search } = new URL(location);
    return { kind: 'accepted', at: `${pathname}${search}` };
  }
  const type = response.headers['content-type'] ?? '';
  const from = provenanceIn(bytes);
  if (type === 'application/problem+json') {
    const problem: { type?: string; status?: number } = JSON.parse(bytes.toString());
    const [, slug] = PROBLEM_TYPE.exec(problem.type ?? '') ?? [];
    if (slug !== undefined && problem.status === status) return { kind: 'problem', status, slug };
  }
  if (from === null) return { kind: 'stray', status, text: bytes.subarray(0, 200).toString() };
  const digest = createHash('sha256').update(`${status} ${type}\n`).update(bytes).digest('hex').slice(0, 12);
  return {
    kind: 'response',
    status,
    digest,
    bytes: bytes.length,
    replayed: response.headers['idempotent-replayed'] === 'true',
    from,
  };
}

/** The origin's first line, or `null` where not all of it came. */
function provenanceIn(bytes: Buffer): Provenance | null {
  const end = bytes.indexOf('\n');
  if (end < 0) return null;
  try {
    return JSON.parse(bytes.subarray(0, end).toString());
  } catch {
    return null;
  }
}
