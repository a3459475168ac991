/** @module One run of a request upstream. Runs in: the ledger object. */

import { type LoggedRequest, log, requestFields, textOf } from '../../log.ts';
import type { NoResponseReason, Policy, Recording, ResponseHead } from '../../protocol.ts';
import { Abandonment, CancelledError } from './abandonment.ts';
import { AMPLE, type SpareRoom } from './body-log.ts';
import type { ExecutionStore } from './execution-store.ts';
import { HandlerNotReachedError } from './handler-response.ts';
import { type Judge, judgeOf } from './judge/judge.ts';
import { LiveBody } from './live-body.ts';
import { isRecordStatus, sendsElsewhere } from './record-status.ts';
import { responseHead } from './response-head.ts';
import { ResponseReader } from './response-reader.ts';
import { Silence } from './silence.ts';
import { Watchdog } from './watchdog.ts';

/** The head of a response, or why there is none. */
export type HeadOutcome =
  | {
      readonly kind: 'head';
      readonly head: ResponseHead;
      readonly length: number | null;
      readonly bodiless: boolean;
    }
  | { readonly kind: 'no-response'; readonly reason: NoResponseReason };

/** What an execution has to know of the policy. */
export type ExecutionPolicy = Pick<
  Policy,
  | 'route'
  | 'sendTo'
  | 'recordStatuses'
  | 'failedWhen'
  | 'upstreamTimeoutMs'
  | 'maxRecordBytes'
  | 'cancelAfterMs'
>;

/**
 * Statuses by which Cloudflare's edge, not the upstream, says that a request went out and no response came:
 * an empty or broken response, a connection that timed out, and no head in time. They are «no response», not
 * a failure.
 */
const NO_RESPONSE_STATUSES = [520, 522, 524];

/** One run of a request upstream. */
export class Execution {
  /** Settles, never rejects, when the upstream's head is here or will never be. */
  readonly head: Promise<HeadOutcome>;
  readonly body: LiveBody;
  /** How far the run has got, in milliseconds since the epoch, for the operator. */
  readonly times: { sentAt: number | null; headAt: number | null } = { sentAt: null, headAt: null };
  readonly #setHead: (outcome: HeadOutcome) => void;
  readonly #policy: ExecutionPolicy;
  readonly #about: LoggedRequest;
  readonly #store: ExecutionStore;
  readonly #silence: Silence;
  readonly #room: SpareRoom;
  readonly #abandonment: Abandonment;
  /** Nobody wants the rest of the response, so it was not read. */
  #givenUp = false;
  #isReceived = false;
  /** The upstream's, once it is here. */
  #status: number | null = null;
  #recording: Recording = 'stored';
  /** Reads the body for marks of failure; `null` where there is nothing to look for. */
  #marks: Judge | null = null;

  constructor(
    readonly fingerprint: string,
    policy: ExecutionPolicy,
    store: ExecutionStore,
    readonly method = 'POST',
    room: SpareRoom = AMPLE,
    watchdog: Watchdog = new Watchdog(),
    /** What the log is told of the request, where something goes wrong. */
    about: LoggedRequest = { id: null, method, path: '', trace: null },
  ) {
    this.#policy = policy;
    this.#about = about;
    this.#store = store;
    this.#silence = new Silence(policy.upstreamTimeoutMs, watchdog);
    this.#room = room;
    this.#abandonment = new Abandonment(policy.cancelAfterMs, watchdog, () =>
      this.#silence.abort(new CancelledError()),
    );
    this.body = new LiveBody(store, room, (readers) => this.#abandonment.heard(readers));
    const { promise, resolve } = Promise.withResolvers<HeadOutcome>();
    this.head = promise;
    this.#setHead = resolve;
  }

  /** What becomes of the response, as far as is known by now. */
  get recording(): Recording {
    return this.#recording;
  }

  /** Whether a caller that comes now can still read the response from its first byte. */
  get readable(): boolean {
    return this.body.readable;
  }

  /**
   * Whether all of a response came that is not to be handed out, as what has become of it could not be
   * written down.
   */
  get isLost(): boolean {
    return this.#isReceived && this.#recording === 'unknown' && this.body.isBroken;
  }

  /**
   * The request leaves when its intent is durable; `null`: it has none. Where it never is, the run itself
   * says so.
   */
  sentWhen(durable: Promise<void> | null): void {
    const sent = () => {
      this.times.sentAt = Date.now();
    };
    if (durable === null) sent();
    else durable.then(sent, () => {});
  }

  /** Aborted when the upstream has to be given up, head or body. */
  get signal(): AbortSignal {
    return this.#silence.signal;
  }

  /**
   * Runs to the end, whoever reads. Never rejects: whatever goes wrong ends the execution as unknown. It
   * takes the response to come, not what sends the request, so that the request's body can go when it is
   * sent.
   */
  async run(pending: Promise<Response>): Promise<void> {
    try {
      this.#silence.listen();
      const response = await pending;
      this.times.headAt = Date.now();
      const { head, length } = responseHead(response, this.#policy.sendTo.kind);
      this.#judge(head, length);
      this.#setHead({ kind: 'head', head, length, bodiless: response.body === null || length === 0 });
      if (response.body !== null) await this.#receive(response.body, length);
      this.#settle();
      this.#isReceived = true;
      await this.#complete(head);
    } catch (error) {
      this.#settle();
      this.#broke(error);
    }
  }

  /** Nothing more is expected of the upstream, and nothing can end the run any more. */
  #settle(): void {
    this.#silence.stop();
    this.#abandonment.stop();
  }

  /** It goes on to its end, whoever waits for it. */
  detach(): void {
    this.#abandonment.stop();
  }

  /**
   * Decides from the head what becomes of the response. A failed one is forgotten before anybody hears of it.
   */
  #judge(head: ResponseHead, length: number | null): void {
    const { status } = head;
    this.#status = status;
    if (length !== null) this.body.expect(length);
    if (isRecordStatus(this.#policy.recordStatuses, status, this.method)) {
      this.#marks = judgeOf(this.#policy, head, this.#about);
      if (length !== null && length > this.#policy.maxRecordBytes) this.#forgo('not-recorded');
    } else if (NO_RESPONSE_STATUSES.includes(status)) {
      this.#forgo('unknown');
      this.#store.unknown('upstream-broke-off', this.times, { reason: 'no-response', status, rule: null });
    } else if (sendsElsewhere(status, this.method)) {
      this.#forgo('failed');
      this.#store.redirected(status, this.times);
    } else {
      this.#forgo('failed');
      this.#store.failed({ reason: 'status', status, rule: null });
    }
  }

  #forgo(recording: Recording): void {
    this.#recording = recording;
    this.body.forgo();
  }

  async #receive(stream: ReadableStream<Uint8Array>, length: number | null): Promise<void> {
    const upstream = new ResponseReader(stream, length, this.#room);
    void this.body.unwanted.then(() => {
      this.#givenUp = true;
      upstream.giveUp();
    });
    try {
      for (;;) {
        this.#silence.listen();
        const value = await upstream.next();
        if (value === null) break;
        this.#silence.pause();
        if (length !== null && this.body.size + value.byteLength > length) {
          throw new Error(`the upstream announced ${length} bytes and sends more`);
        }
        if (this.#recording === 'stored' && this.body.size + value.byteLength > this.#policy.maxRecordBytes) {
          this.#forgo('not-recorded');
        }
        // Before it is handed on: the buffer is used again.
        if (this.#marks !== null) await this.#marks.see(value);
        await this.body.append(value);
        if (this.#recording === 'stored' && !this.body.isKept) this.#findNoRoom();
        // HTTP ends the body here: to read on, only to be told so, would cost another turn of the event loop.
        // A service is not held to what it announced.
        if (this.body.size === length && this.#policy.sendTo.kind === 'url') return;
      }
    } finally {
      upstream.end();
    }
    if (this.#givenUp) return;
    if (length !== null && this.body.size !== length) {
      throw new Error(`the upstream announced ${length} bytes and sent ${this.body.size}`);
    }
  }

  /** The store took no more of the body, which goes on without it. */
  #findNoRoom(): void {
    this.#recording = 'not-recorded';
    const fields = { route: this.#policy.route, bytes: this.body.size, ...requestFields(this.#about) };
    log('error', 'ledger-out-of-room', fields);
  }

  async #complete(head: ResponseHead): Promise<void> {
    // What was not read to its end tells nothing by what is missing in it.
    if (this.#marks !== null && !this.#givenUp) await this.#failWhereMarked(this.#marks, head.status);
    if (this.#recording === 'stored' || this.#recording === 'not-recorded') {
      const recorded = await this.#record(head);
      if (!recorded) this.#forgo('not-recorded');
      // An answer with the whole body in it is held back by the runtime until what was written is durable; a
      // stream is not.
      if (!this.body.endsInOneAnswer) await this.#store.durable();
    }
    this.body.end(this.#givenUp ? 'broken' : 'whole');
  }

  #record(head: ResponseHead): Promise<boolean> {
    const { body } = this;
    const completed = (rest: Uint8Array | null) => this.#store.completed(head, body.size, rest, this.times);
    return this.#recording === 'stored' ? body.withRest(completed) : completed(null);
  }

  /** A success that says in its body that it is none is forgotten before anybody can see its end. */
  async #failWhereMarked(marks: Judge, status: number): Promise<void> {
    const rule = await marks.verdict();
    if (rule === null) return;
    const fields = { route: this.#policy.route, rule: rule.text, status, bytes: this.body.size };
    log('warn', 'upstream-said-failed', { ...fields, ...requestFields(this.#about) });
    this.#forgo('failed');
    this.#store.failed({ reason: 'said-failed', status, rule: rule.text });
  }

  #broke(error: unknown): void {
    const isCancelled = this.signal.reason instanceof CancelledError;
    const { route } = this.#policy;
    const about = requestFields(this.#about);
    const fields = { route, recording: this.#recording, bytes: this.body.size, ...about };
    if (isCancelled) log('info', 'execution-cancelled', fields);
    else log('warn', 'upstream-broke-off', { ...fields, reason: textOf(error) });
    try {
      // A failed response that breaks off is a failure still: its status said so.
      if (this.#recording === 'stored' || this.#recording === 'not-recorded') {
        this.#forgo('unknown');
        const reason = isCancelled ? 'cancelled' : this.#silence.tooLong ? 'timeout' : 'no-response';
        const why = { reason, status: this.#status, rule: null } as const;
        this.#store.unknown(isCancelled ? 'cancelled' : 'upstream-broke-off', this.times, why);
      }
    } catch (storeError) {
      // The row goes on saying `running` with nobody running it, which means the same.
      log('error', 'ledger-write-failed', { route, reason: textOf(storeError), ...about });
    }
    this.#setHead({ kind: 'no-response', reason: this.#reasonOf(error) });
    this.body.end('broken');
  }

  #reasonOf(error: unknown): NoResponseReason {
    if (error instanceof HandlerNotReachedError) return 'handler-not-reached';
    return this.#silence.tooLong ? 'upstream-timeout' : 'upstream-unreachable';
  }
}
