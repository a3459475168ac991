import { DurableObject } from 'cloudflare:workers';
import { BodyBytes } from '../body-bytes.ts';
import { type Config, configOf, type Route, serviceOf } from '../config.ts';
import { settlesWithin } from '../deadline.ts';
import type {
  Forgotten,
  LeaseGrant,
  LedgerAnswer,
  LedgerCall,
  LedgerSummary,
  Refusal,
  ResponseHead,
} from '../protocol.ts';
import { DamagedRecordError, openBody, openPreamble, piecesOf, reportDamage } from '../record/record.ts';
import { BODY_LIMITS } from '../request/body.ts';
import { differenceOf } from '../request/fingerprint.ts';
import { appendAll } from '../request/forward.ts';
import { Execution } from './run/execution.ts';
import { Recorder, type RecorderParts } from './run/recorder.ts';
import { RunMemory, RunRoom } from './run/run-memory.ts';
import { Counts, isLimit } from './store/counts.ts';
import { type ExecutionView, Listing, type ListQuery } from './store/listing.ts';
import { type CompletedRow, type Row, Rows } from './store/rows.ts';
import { StorageRoom } from './store/storage-room.ts';
import { Sweeper } from './sweeper.ts';
import { CallerUsage } from './usage.ts';

/** What a request with a known key gets. */
type Decision =
  | { readonly kind: 'execute'; readonly replaces: Row | null }
  | { readonly kind: 'join'; readonly execution: Execution }
  | { readonly kind: 'replay'; readonly row: CompletedRow }
  /** It is an execution of its own, under another name than its key's. */
  | { readonly kind: 'apart' }
  | { readonly kind: 'refuse'; readonly reason: Refusal };

/**
 * For how long a Worker may replay by itself what it was given. Long enough for a storm of retries, short enough to wait
 * for when an execution is forgotten.
 */
const LEASE_MS = 2_000;
/** A Worker looks at the clock before it answers, and its clock stands still while it computes. */
const LEASE_GRACE_MS = 250;

/** How long a response that is no event stream may take to be whole before it is streamed instead. */
const WHOLE_WITHIN_MS = 5;

/**
 * The only place that decides. One object holds many executions: each key has its own, and keys do not wait for one
 * another. It makes the upstream call itself, so that a client that goes away stops nothing.
 */
export class Ledger extends DurableObject<object> {
  readonly #usage = new CallerUsage();
  readonly #memory = new RunMemory();
  readonly #rows: Rows;
  readonly #storage: StorageRoom;
  readonly #live = new Map<string, Execution>();
  readonly #sweeper: Sweeper;
  readonly #counts: Counts;
  readonly #listing: Listing;
  readonly #recorderParts: RecorderParts;
  /** When the last lease ends. An earlier life of the object may have given one just before this one began. */
  #leasedUntil = Date.now() + LEASE_MS;

  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env);
    this.#rows = new Rows(ctx.storage.sql, this.#usage);
    this.#storage = new StorageRoom(ctx.storage.sql);
    this.#sweeper = new Sweeper(
      ctx,
      this.#rows,
      this.#storage,
      () => this.#config(),
      (id) => this.#live.has(id),
    );
    this.#counts = new Counts(ctx.storage.sql, () => this.#sweeper.writeDownSoon());
    this.#listing = new Listing(ctx.storage.sql, this.#counts, {
      times: (id) => this.#live.get(id)?.times ?? null,
      lacksInResults: (seq) => this.#sweeper.archive.lacks(seq),
    });
    this.#recorderParts = {
      rows: this.#rows,
      holds: this.#sweeper.holds,
      archive: this.#sweeper.archive,
      storage: this.#storage,
      counts: this.#counts,
      memory: this.#memory,
      sync: () => ctx.storage.sync(),
    };
    void ctx.blockConcurrencyWhile(async () => {
      const cutOff = await this.#sweeper.start(this.#counts.marks);
      if (cutOff > 0) this.#counts.add('unknown', cutOff);
    });
  }

  /**
   * Answers one keyed request: runs it, joins it to the run under way, replays the recorded response, or refuses it.
   * Throws only before anything is written or sent.
   */
  async execute(asked: LedgerCall): Promise<LedgerAnswer> {
    const route = this.#route(asked.route);
    const { decision, call } = this.#decideApart(asked, route);
    if (decision.kind !== 'execute') {
      this.#leaveUnread(call.body);
      return this.#answerKnown(decision, call);
    }
    const room = this.#memory.admit(partiesOf(call));
    if (!(room instanceof RunRoom)) {
      this.#leaveUnread(call.body);
      return this.#refuse(call.id, room);
    }
    if (!(call.body instanceof Uint8Array)) return this.#executeStreamed(call, call.body, room, route);
    if (!room.grow(call.body.byteLength)) return this.#refuse(call.id, this.#memory.giveUp(room));
    const body = BodyBytes.of(call.body, room);
    return this.#answer(call.id, this.#begin(call, body, room, route, decision.replaces), 'executed');
  }

  /** Has the whole body here before anything is sent. As that takes its time, it is decided again. */
  async #executeStreamed(
    asked: LedgerCall,
    stream: ReadableStream<Uint8Array>,
    room: RunRoom,
    route: Route,
  ): Promise<LedgerAnswer> {
    const reader = stream.getReader({ mode: 'byob' });
    const maxBytes = route.maxRequestBytes;
    const options = { maxBytes, declaredBytes: null, room, silenceMs: BODY_LIMITS.silenceMs };
    const body = await BodyBytes.read(reader, options);
    if (!(body instanceof BodyBytes)) {
      const refusal = this.#memory.giveUp(room);
      reader.cancel().catch(() => {});
      if (body !== 'no-room') throw new Error(`the request’s body did not arrive: ${body}`);
      return this.#refuse(asked.id, refusal);
    }
    const { decision, call } = this.#decideApart(asked, route);
    if (decision.kind === 'execute') {
      return this.#answer(call.id, this.#begin(call, body, room, route, decision.replaces), 'executed');
    }
    body.release();
    room.end();
    return this.#answerKnown(decision, call);
  }

  /** Not awaited: nothing may come between a decision and what it leads to. */
  #leaveUnread(body: LedgerCall['body']): void {
    if (!(body instanceof Uint8Array)) this.ctx.waitUntil(body.cancel());
  }

  /**
   * Answers a request whose first answer was lost on the way: from the run, the record, or with a refusal, as `execute`
   * would, but without ever starting a run. `null` where the ledger knows of no execution.
   */
  async recall(asked: Omit<LedgerCall, 'body'>): Promise<LedgerAnswer | null> {
    const { decision, call } = this.#decideApart(asked, this.#route(asked.route));
    const wouldRun = decision.kind === 'execute' || (decision.kind === 'refuse' && isLimit(decision.reason));
    // That there is no room for it now tells nothing of the first time.
    return wouldRun ? null : this.#answerKnown(decision, call);
  }

  /** Answers a request that starts nothing. */
  async #answerKnown(
    decision: Exclude<Decision, { kind: 'execute' | 'apart' }>,
    call: Pick<LedgerCall, 'id' | 'secret' | 'waitMs'>,
  ): Promise<LedgerAnswer> {
    switch (decision.kind) {
      case 'refuse':
        return this.#refuse(call.id, decision.reason);
      case 'replay':
        return this.#replay(decision.row, call);
      case 'join':
        return this.#answer(call.id, decision.execution, 'joined', call.waitMs);
    }
  }

  override async alarm(): Promise<void> {
    await this.#sweeper.alarm((now, marks) => this.#counts.flush(now, marks));
  }

  list(query: ListQuery): ExecutionView[] {
    return this.#listing.list(query);
  }

  inspect(id: string): ExecutionView | null {
    return this.#listing.find(id);
  }

  /**
   * Forgets an execution, here and in RESULTS, so that the next request runs: none is answered from a lease any more when
   * this resolves, were it forgotten by an earlier call or now. Rejects where KV is out of reach.
   */
  async forget(id: string): Promise<Forgotten> {
    if (this.#live.has(id)) return 'running';
    const row = this.#rows.find(id);
    const known = row !== null && row.expiresAt > Date.now();
    if (known) await this.#sweeper.forget(row);
    const leasedMs = this.#leasedUntil + LEASE_GRACE_MS - Date.now();
    if (leasedMs > 0) await new Promise((resolve) => setTimeout(resolve, leasedMs));
    return known ? 'forgotten' : 'absent';
  }

  /** A Worker has replayed a response so many times by itself. Its execution may be gone, or another in its place. */
  countReplays(id: string, lease: LeaseGrant, replays: number): void {
    const row = this.#rows.find(id);
    if (row?.state === 'completed' && row.seq === lease.seq) this.#countReplays(row, replays);
    else this.#counts.add('replays', replays);
  }

  summary(sinceMinute: number): LedgerSummary {
    return {
      totals: this.#counts.totals,
      minutes: this.#counts.since(sinceMinute),
      running: this.#live.size,
      unknown: this.#listing.unknown(),
    };
  }

  /** The decision, and the call under the name of the execution that it is about: its own, or the one apart from it. */
  #decideApart<Call extends Omit<LedgerCall, 'body'>>(
    call: Call,
    route: Route,
  ): { readonly decision: Exclude<Decision, { kind: 'apart' }>; readonly call: Call } {
    const decision = this.#decide(call, route);
    if (decision.kind !== 'apart') return { decision, call };
    return this.#decideApart({ ...call, id: idApart(call) }, route);
  }

  /** Synchronous, so that nothing comes between reading the state and acting on it. */
  #decide(call: Omit<LedgerCall, 'body'>, route: Route): Decision {
    const execution = this.#live.get(call.id);
    if (execution !== undefined) {
      if (execution.fingerprint !== call.fingerprint) return refusalOf(execution, call);
      const joinable = route.concurrent === 'wait' && execution.body.readable;
      if (!joinable) return { kind: 'refuse', reason: 'in-progress' };
      return { kind: 'join', execution };
    }
    const row = this.#rows.find(call.id);
    const ended = row === null || row.expiresAt <= Date.now();
    const sentElsewhere = !ended && row.state === 'completed' && row.place === 'elsewhere';
    if (sentElsewhere && call.id !== idApart(call)) {
      this.#keepApart(row, call, route);
      return { kind: 'apart' };
    }
    const runs = ended || sentElsewhere || (row.state !== 'completed' && route.unknownOutcome === 'retry');
    if (runs) {
      const overLimit = this.#usage.overLimit(call.caller, route, call.address);
      const limit = overLimit ?? (this.#storage.isFull ? 'ledger-full' : null);
      return limit === null ? { kind: 'execute', replaces: row } : { kind: 'refuse', reason: limit };
    }
    if (row.fingerprint !== call.fingerprint) return refusalOf(row, call);
    if (row.state !== 'completed') return { kind: 'refuse', reason: 'outcome-unknown' };
    if (row.place === 'nowhere') return { kind: 'refuse', reason: 'not-recorded' };
    return { kind: 'replay', row };
  }

  /**
   * A client that the upstream sends elsewhere, having done nothing, comes there with the same key. So from then on each request
   * under that key is an execution of its own. Whoever begins anew is sent there anew, and finds what he did there.
   */
  #keepApart(row: Row, call: Pick<LedgerCall, 'fingerprint'>, route: Route): void {
    const ttlMs = route.ttlSeconds * 1000;
    const beginsAnew = row.fingerprint === call.fingerprint;
    if (beginsAnew && row.expiresAt - Date.now() < ttlMs / 2) this.#rows.renew(row.seq, Date.now() + ttlMs);
  }

  /** Writes the intent, and only then sends: the output gate holds the request until the row is durable. */
  #begin(call: LedgerCall, body: BodyBytes, room: RunRoom, route: Route, replaces: Row | null): Execution {
    const receivedAt = Date.now();
    const ttlMs = route.ttlSeconds * 1000;
    const { id, caller, address, fingerprint, keyHash } = call;
    if (replaces !== null) this.#sweeper.makeWay(replaces);
    this.#counts.forget(id);
    const intent = { id, caller, fingerprint, keyHash, receivedAt, expiresAt: receivedAt + ttlMs };
    let seq: number;
    try {
      seq = this.#rows.begin(intent);
    } catch (error) {
      body.release();
      room.end();
      throw error;
    }
    this.#counts.add('runs');
    this.#usage.began(caller, address);
    this.#sweeper.wakeBy(receivedAt + Math.min(ttlMs, this.#config().hotSeconds * 1000));

    const recorded = { id, caller, fingerprint, secret: call.secret, seq };
    const recorder = new Recorder(this.#recorderParts, recorded, route, () =>
      this.#forgetLive(id, execution),
    );
    const execution: Execution = new Execution(fingerprint, route, recorder, call.method, room);
    this.#live.set(id, execution);
    void this.#noteSent(execution);
    const run = execution.run(this.#send(call, body, route, execution.signal)).finally(() => {
      this.#usage.ended(caller, address);
      body.release();
      room.end();
      this.#forgetLive(id, execution);
    });
    this.ctx.waitUntil(run);
    return execution;
  }

  /** Rejects, never throws, so that whatever goes wrong is an outcome of the execution. */
  async #send(call: LedgerCall, body: BodyBytes, route: Route, signal: AbortSignal): Promise<Response> {
    const request = new Request(call.url, {
      method: call.method,
      body: bodyInit(body),
      redirect: 'manual',
    });
    appendAll(request.headers, call.headers);
    // `manual`: the body stays in the coding in which it comes, so that whatever it holds can be recorded and handed on.
    return this.#upstream(route).fetch(request, { signal, encodeResponseBody: 'manual' });
  }

  /** The request leaves when the intent is durable. Where it never is, the run itself says so. */
  async #noteSent(execution: Execution): Promise<void> {
    await this.ctx.storage.sync().then(
      () => {
        execution.times.sentAt = Date.now();
      },
      () => {},
    );
  }

  /**
   * Answers from a run: with the whole body where it is here or about to be, else with a stream of it. A caller that
   * joins waits no longer than `waitMs` for the head.
   */
  async #answer(
    id: string,
    execution: Execution,
    outcome: 'executed' | 'joined',
    waitMs?: number,
  ): Promise<LedgerAnswer> {
    const reader = execution.body.attach();
    if (waitMs !== undefined && !(await settlesWithin(execution.head, waitMs))) {
      reader.leave();
      return this.#refuse(id, 'in-progress');
    }
    const result = await execution.head;
    if (outcome === 'joined') this.#counts.joined(id);
    if (result.kind === 'no-response') {
      reader.leave();
      return { outcome: 'no-response', reason: result.reason, joined: outcome === 'joined' };
    }
    const { head } = result;
    // Where there is no body, the head is the end.
    if (result.bodiless) await execution.body.ended;
    else if (!isEventStream(head)) await settlesWithin(execution.body.ended, WHOLE_WITHIN_MS);
    const whole = execution.body.whole();
    if (whole !== null) reader.leave();
    const body = whole ?? reader.stream();
    return { outcome, recording: execution.recording, head, body, size: whole?.byteLength ?? result.length };
  }

  #refuse(id: string, reason: Refusal): LedgerAnswer {
    this.#counts.refused(id, reason);
    return { outcome: 'refused', reason };
  }

  async #replay(row: CompletedRow, call: Pick<LedgerCall, 'secret'>): Promise<LedgerAnswer> {
    const { seq, size, completedAt, expiresAt } = row;
    // Before anything is awaited: what is forgotten meanwhile has to wait for it.
    const lease = this.#lease(seq);
    if (row.place === 'results') {
      this.#countReplays(row);
      return { outcome: 'archived', id: row.id, completedAt, expiresAt, lease };
    }
    const last = piecesOf(size) - 1;
    // The pieces stay here until the reader is done with them.
    const release = this.#sweeper.holds.hold(seq);
    try {
      const { preamble, rest } = this.#rows.record(seq);
      const { head, seal } = await openPreamble(call.secret, preamble);
      const body = await openBody(seal, size, {
        read: (n) => (n < last ? this.#rows.piece(seq, n) : rest),
        end: (error) => {
          release();
          if (error !== undefined) reportDamage('ledger', error);
        },
      });
      const { status, headers } = head;
      this.#countReplays(row);
      return { outcome: 'replayed', head: { status, headers }, body, size, expiresAt, lease };
    } catch (error) {
      release();
      if (!(error instanceof DamagedRecordError)) throw error;
      reportDamage('ledger', error);
      return this.#refuse(row.id, 'not-recorded');
    }
  }

  #countReplays({ id, size, receivedAt, completedAt }: CompletedRow, replays = 1): void {
    this.#counts.replayed(id, size, completedAt - receivedAt, replays);
  }

  /** Gives a lease, and remembers that one is out. */
  #lease(seq: number): LeaseGrant {
    this.#leasedUntil = Date.now() + LEASE_MS;
    return { ms: LEASE_MS, seq };
  }

  #upstream(route: Route): Fetcher | typeof globalThis {
    if (route.upstream.kind === 'url') return globalThis;
    return serviceOf(this.env, route.upstream.name);
  }

  #forgetLive(id: string, execution: Execution): void {
    if (this.#live.get(id) === execution) this.#live.delete(id);
  }

  #route(path: string): Route {
    const route = this.#config().routes.find((candidate) => candidate.path === path);
    if (route === undefined) throw new Error(`the ledger's configuration has no route ${path}`);
    return route;
  }

  #config(): Config {
    const result = configOf(this.env);
    if (!result.ok) throw new Error('the configuration is invalid');
    return result.config;
  }
}

/** Whom a call counts against. */
function partiesOf({ caller, address }: LedgerCall): string[] {
  return address === null ? [caller] : [caller, address];
}

/** A larger body is sent as a stream, which lets go of it while it is sent. A request holds on to bytes until it is answered. */
const STREAMED_BODY_MIN_BYTES = 16 * 1024;

function bodyInit(body: BodyBytes): BodyInit | null {
  if (body.length === 0) return null;
  return body.length < STREAMED_BODY_MIN_BYTES ? body.whole() : body.stream();
}

/** The key is known, and this is another request than the one that is known by it. */
function refusalOf(known: { readonly fingerprint: string }, call: Pick<LedgerCall, 'fingerprint'>): Decision {
  return { kind: 'refuse', reason: differenceOf(known.fingerprint, call.fingerprint) };
}

/** The first characters of an id say in which ledger object it is. */
const SHARD_CHARACTERS = 6;
const ID_CHARACTERS = 43;

/**
 * The name of an execution that its key alone does not name, but its key and what it asks for: the fingerprint covers both. It
 * is in the same ledger object as the key's.
 */
function idApart({ id, fingerprint }: Pick<LedgerCall, 'id' | 'fingerprint'>): string {
  return id.slice(0, SHARD_CHARACTERS) + fingerprint.slice(SHARD_CHARACTERS, ID_CHARACTERS);
}

function isEventStream(head: ResponseHead): boolean {
  return head.headers.some(
    ([name, value]) => name === 'content-type' && /^text\/event-stream\b/i.test(value),
  );
}
