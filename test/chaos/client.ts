import { createHash } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call, CallOutcome, Provenance } from './history.ts';
import { type KeyPlan, type Leave, pathOf } from './plan.ts';

/** No call may take longer than this; one that does is broken off, and the promise that it breaks is in the report. */
const CALL_MAX_MS = 30_000;
/** A client that leaves before the head does so after this long, if no head came. */
const LEAVES_AFTER_MS = 4;

/** Sends requests and writes down what came back. It retries nothing by itself, so that each call is in the history. */
export class RecordingClient {
  readonly calls: Call[] = [];
  readonly left = { 'before-head': 0, 'mid-body': 0 };
  /** Calls that had not ended after {@link CALL_MAX_MS}. */
  get hung(): Call[] {
    return this.calls.filter(({ startedAt, endedAt }) => endedAt - startedAt >= CALL_MAX_MS);
  }

  readonly #agent = new Agent({ keepAlive: true });

  stop(): void {
    this.#agent.destroy();
  }

  async send(url: string, plan: KeyPlan, leave: Leave = 'never', body = plan.body): Promise<CallOutcome> {
    const startedAt = performance.now();
    const outcome = await this.#outcome(url, plan, leave, body);
    this.calls.push({ ...plan.subject, body, startedAt, endedAt: performance.now(), outcome });
    return outcome;
  }

  #outcome(url: string, plan: KeyPlan, leave: Leave, body: string): Promise<CallOutcome> {
    return new Promise((resolve) => {
      let by: 'client' | 'gateway' = 'gateway';
      const sent = request(`${url}${pathOf(plan)}`, {
        method: 'POST',
        agent: this.#agent,
        headers: {
          ...plan.headers,
          'accept-encoding': 'identity',
          'content-type': 'text/plain',
          'content-length': Buffer.byteLength(body),
          'idempotency-key': plan.subject.key,
        },
      });
      const leaveNow = (when: 'before-head' | 'mid-body') => {
        by = 'client';
        this.left[when] += 1;
        sent.destroy();
      };
      const deadline = setTimeout(() => sent.destroy(), CALL_MAX_MS);
      const settle = (outcome: CallOutcome) => {
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
      sent.end(body);
      if (leave === 'before-head') {
        void sleep(LEAVES_AFTER_MS).then(() => headCame || leaveNow('before-head'));
      }
    });
  }
}

const PROBLEM_TYPE = /\/_oncegate\/problems\/([a-z-]+)$/;

function whole(response: IncomingMessage, bytes: Buffer): CallOutcome {
  const status = response.statusCode ?? 0;
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
