/** @module The ledger object's life, and the calls that come in. Runs in: the ledger object. */

import { DurableObject } from 'cloudflare:workers';
import { BodyBytes } from '../body-bytes.ts';
import { pause } from '../deadline.ts';
import type {
  ExecutionView,
  Failure,
  Forgotten,
  ForgottenCounts,
  LedgerOverview,
  LedgerSummary,
  ListPart,
  ListQuery,
  LoginFailures,
  OverviewQuery,
} from '../inspection.ts';
import type { LeaseGrant, LedgerAnswer, LedgerCall, Refusal, ResultQuery } from '../protocol.ts';
import { BODY_LIMITS } from '../request/body.ts';
import { type Decision, decide, idApart, type Known, resultOf } from './decide.ts';
import { forget, forgetAll } from './forgetting.ts';
import { type LedgerParts, partsOf } from './parts.ts';
import { Policies, type ReadCall } from './policies.ts';
import { type ReplayCall, Replays } from './replays.ts';
import { answerFrom } from './run/answer.ts';
import { Execution } from './run/execution.ts';
import { type Intent, intentOf } from './run/intent.ts';
import { Recorder } from './run/recorder.ts';
import { RunRoom } from './run/run-memory.ts';
import { send } from './run/send.ts';
import { isLimit } from './store/counts.ts';
import { Listing } from './store/listing.ts';
import type { Begun, CompletedRow, Row } from './store/row.ts';
import { summaryOf } from './store/summary.ts';
import { Sweeper } from './sweeper.ts';
import { partiesOf } from './usage.ts';

/** Of the call's own execution, or of the one apart from it. */
type Decided = Exclude<Decision<Execution>, { kind: 'apart' }>;

/**
 * The only place that decides, by decide.ts. One object holds many executions: each key has its own, and keys
 * do not wait for one another. It makes the upstream call itself, so that a client that goes away stops
 * nothing.
 */
export class Ledger extends DurableObject<object> {
  readonly #parts: LedgerParts;
  readonly #listing: Listing;
  readonly #replays: Replays;
  readonly #sweeper: Sweeper;
  readonly #policies = new Policies();

  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env);
    const parts = partsOf(ctx, env);
    this.#parts = parts;
    this.#listing = new Listing(ctx.storage.sql, parts);
    this.#replays = new Replays(parts);
    this.#sweeper = new Sweeper(parts);
    void ctx.blockConcurrencyWhile(async () => {
      const cutOff = await this.#sweeper.start(parts.counts.marks);
      if (cutOff > 0) parts.counts.add('unknown', cutOff);
    });
  }

  /**
   * Answers one keyed request: runs it, joins it to the run under way, replays the recorded response, or
   * refuses it. Throws only before anything is written or sent.
   */
  async execute(asked: LedgerCall): Promise<LedgerAnswer> {
    const { decision, call } = this.#decide(this.#policies.read(asked));
    if (decision.kind !== 'execute') {
      this.#leaveUnread(call.body);
      return this.#answerKnown(decision, call);
    }
    const { memory } = this.#parts;
    const room = memory.admit(partiesOf(call));
    if (!(room instanceof RunRoom)) {
      this.#leaveUnread(call.body);
      return this.#refuse(call.id, room);
    }
    if (!(call.body instanceof Uint8Array)) return this.#executeStreamed(call, call.body, room);
    if (!room.grow(call.body.byteLength)) return this.#refuse(call.id, memory.giveUp(room));
    return this.#execute(call, BodyBytes.of(call.body, room), room, decision.replaces);
  }

  /** Has the whole body here before anything is sent. As that takes its time, it is decided again. */
  async #executeStreamed(
    asked: ReadCall<LedgerCall>,
    stream: ReadableStream<Uint8Array>,
    room: RunRoom,
  ): Promise<LedgerAnswer> {
    const reader = stream.getReader({ mode: 'byob' });
    const maxBytes = asked.policy.maxRequestBytes;
    const options = { maxBytes, declaredBytes: null, room, silenceMs: BODY_LIMITS.silenceMs };
    const body = await BodyBytes.read(reader, options);
    if (!(body instanceof BodyBytes)) {
      const refusal = this.#parts.memory.giveUp(room);
      reader.cancel().catch(() => {});
      if (body !== 'no-room') throw new Error(`the request’s body did not arrive: ${body}`);
      return this.#refuse(asked.id, refusal);
    }
    const { decision, call } = this.#decide(asked);
    if (decision.kind === 'execute') return this.#execute(call, body, room, decision.replaces);
    body.release();
    room.end();
    return this.#answerKnown(decision, call);
  }

  /** Not awaited: nothing may come between a decision and what it leads to. */
  #leaveUnread(body: LedgerCall['body']): void {
    if (!(body instanceof Uint8Array)) this.ctx.waitUntil(body.cancel());
  }

  /**
   * Answers a request whose first answer was lost on the way: from the run, the record, or with a refusal, as
   * `execute` would, but without ever starting a run. `null` where the ledger knows of no execution.
   */
  async recall(asked: Omit<LedgerCall, 'body'>): Promise<LedgerAnswer | null> {
    const { decision, call } = this.#decide(this.#policies.read(asked));
    const wouldRun = decision.kind === 'execute' || (decision.kind === 'refuse' && isLimit(decision.reason));
    // That there is no room for it now tells nothing of the first time.
    return wouldRun ? null : this.#answerKnown(decision, call);
  }

  /** What became of an execution, for whoever comes back for it without the request. Never starts a run. */
  async result(query: ResultQuery): Promise<LedgerAnswer | null> {
    const known = this.#known(query.id);
    const result = resultOf(known, query.binding, Date.now());
    switch (result.kind) {
      case 'absent':
        return null;
      case 'runs':
        // Whoever is told so means to come back, so the run is not left.
        known.run?.detach();
        return { outcome: 'accepted' };
      case 'refuse':
        return this.#refuse(query.id, result.reason);
      case 'replay':
        return this.#replay(result.row, query);
    }
  }

  override async alarm(): Promise<void> {
    const { counts, runs } = this.#parts;
    await this.#sweeper.sweep((now, marks) => counts.flush(now, marks, (id) => runs.has(id)));
  }

  list(query: ListQuery): ListPart {
    return this.#listing.list(query);
  }

  failures(limit: number, keyHash: string | null = null): Failure[] {
    return this.#parts.counts.newestFailures(limit, keyHash);
  }

  inspect(id: string): ExecutionView | null {
    return this.#listing.find(id);
  }

  /**
   * Forgets an execution, here and in RESULTS, so that the next request runs. Once this resolves, no Worker
   * replays it from a lease any more, even if an earlier call forgot it. Rejects where KV is out of reach.
   */
  async forget(id: string): Promise<Forgotten> {
    const forgotten = await forget(id, this.#parts, this.#sweeper);
    if (forgotten !== 'running') await pause(this.#replays.leasedMs);
    return forgotten;
  }

  /** The same for several, which wait together. */
  async forgetAll(ids: readonly string[]): Promise<ForgottenCounts> {
    const counts = await forgetAll(ids, this.#parts, this.#sweeper);
    await pause(this.#replays.leasedMs);
    return counts;
  }

  /**
   * A Worker has replayed a response so often by itself. Its execution may be gone, or another in its place.
   */
  countReplays(id: string, lease: LeaseGrant, replays: number): void {
    this.#replays.countLeased(id, lease, replays);
  }

  countLogins({ failed, turnedAway }: LoginFailures): void {
    this.#parts.counts.add('loginsFailed', failed);
    this.#parts.counts.add('loginsTurnedAway', turnedAway);
  }

  summary(sinceMinute: number): LedgerSummary {
    return summaryOf(this.#parts, this.#listing, sinceMinute);
  }

  /** Both in one call: the console asks every few seconds. */
  overview({ sinceMinute, minutesAtOnce, newest }: OverviewQuery): LedgerOverview {
    return {
      summary: summaryOf(this.#parts, this.#listing, sinceMinute, minutesAtOnce),
      newest: this.#listing.list({ after: null, limit: newest }),
    };
  }

  /** What is known under this name. While it runs, its row tells nothing. */
  #known(id: string): Pick<Known<Execution>, 'run' | 'row'> {
    const run = this.#parts.runs.find(id)?.execution ?? null;
    return { run, row: run === null ? this.#parts.rows.find(id) : null };
  }

  /** The decision, and the call under the name of its execution: its key's own, or the one apart from it. */
  #decide<Call extends ReadCall<Omit<LedgerCall, 'body'>>>(
    call: Call,
  ): { readonly decision: Decided; readonly call: Call } {
    const { rows, storage, usage } = this.#parts;
    const { id, caller, address, policy } = call;
    const limit = () => usage.overLimit(caller, policy, address) ?? (storage.isFull ? 'ledger-full' : null);
    const now = Date.now();
    const decision = decide(call, { ...this.#known(id), limit }, now);
    if (decision.kind !== 'apart') return { decision, call };
    if (decision.renew) rows.renew(decision.row.seq, now, now + policy.ttlMs);
    return this.#decide({ ...call, id: idApart(call) });
  }

  /** Answers a request that starts nothing. */
  async #answerKnown(
    decision: Exclude<Decided, { kind: 'execute' }>,
    call: ReplayCall & Pick<LedgerCall, 'waitMs' | 'respondAfterMs' | 'presence'>,
  ): Promise<LedgerAnswer> {
    switch (decision.kind) {
      case 'refuse':
        return this.#refuse(call.id, decision.reason);
      case 'replay':
        return this.#replay(decision.row, call);
      case 'join': {
        const answer = await answerFrom(decision.run, 'joined', call, this.#parts.moment);
        if (answer === 'in-progress') return this.#refuse(call.id, answer);
        if (answer === 'no-room') return this.#refuse(call.id, this.#parts.memory.refusal(partiesOf(call)));
        this.#parts.counts.joined(call.id);
        return answer;
      }
    }
  }

  async #replay(row: CompletedRow, call: ReplayCall): Promise<LedgerAnswer> {
    const answer = (await this.#replays.replay(row, call)) ?? 'record-damaged';
    return typeof answer === 'string' ? this.#refuse(call.id, answer) : answer;
  }

  #refuse(id: string, reason: Refusal): LedgerAnswer {
    this.#parts.counts.refused(id, reason);
    return { outcome: 'refused', reason };
  }

  async #execute(
    call: ReadCall<LedgerCall>,
    body: BodyBytes,
    room: RunRoom,
    replaces: Row | null,
  ): Promise<LedgerAnswer> {
    const execution = this.#begin(call, body, room, replaces);
    const answer = await answerFrom(execution, 'executed', { ...call, waitMs: null }, this.#parts.moment);
    return typeof answer === 'string' ? this.#refuse(call.id, answer) : answer;
  }

  /** An intent is written before the request is sent: the output gate holds that until the row is durable. */
  #begin(call: ReadCall<LedgerCall>, body: BodyBytes, room: RunRoom, replaces: Row | null): Execution {
    const { counts, rows, runs, usage, watchdog } = this.#parts;
    const { id, caller, address, fingerprint, keyHash, method, path, trace, policy } = call;
    const labels = { keyHash, method, path, trace };
    const begun: Begun = { seq: rows.takeSeq(), id, caller, fingerprint, ...labels, receivedAt: Date.now() };
    let intent: Intent;
    try {
      intent = intentOf(this.#parts, begun, replaces, policy);
    } catch (error) {
      body.release();
      room.end();
      throw error;
    }
    counts.forget(id);
    counts.add('runs');
    usage.began(caller, address);

    const recorder = new Recorder(this.#parts, begun, call.secret, policy, intent, () => runs.remove(begun));
    const execution = new Execution(fingerprint, policy, recorder, method, room, watchdog, begun);
    runs.add({ begun, expiresAt: begun.receivedAt + policy.ttlMs, execution });
    execution.sentWhen(intent.durable);
    const run = execution.run(send(call, body, this.env, this.ctx, execution.signal)).finally(() => {
      usage.ended(caller, address);
      body.release();
      runs.remove(begun);
    });
    void execution.body.deserted.then(() => room.end());
    this.ctx.waitUntil(run);
    return execution;
  }
}
