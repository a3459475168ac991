import type { LedgerInspection } from '../../../src/inspection.ts';
import { Ledger } from '../../../src/ledger/ledger.ts';
import type { LedgerAnswer, LedgerCall, LedgerStub } from '../../../src/protocol.ts';
import type { VirtualClock } from './clock.ts';
import type { Tally } from './tally.ts';

/** How long it takes until what was written is durable. */
const COMMIT_MS = 10;

interface Instance {
  readonly ledger: Ledger;
  readonly ready: Promise<void>;
  isLost: boolean;
  /** Rejects the calls that it has not answered when it is lost. */
  readonly lose: (error: Error) => void;
  readonly lost: Promise<never>;
}

interface Cursor {
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

/**
 * A ledger object whose work is counted: the ledger's own code, on a database of the runtime's that counts
 * the rows itself.
 */
export class CountedObject {
  readonly #state: DurableObjectState;
  readonly #sql: SqlStorage;
  readonly #env: object;
  readonly #clock: VirtualClock;
  readonly #tally: Tally;
  #instance: Instance | null = null;
  #alarm: { readonly at: number; readonly callOff: () => void } | null = null;
  #cursors: Cursor[] = [];
  #open = 0;
  #activeSince = 0;
  /** Calls whose answers are read still. */
  readonly #reading = new WeakMap<object, { readonly close: () => void; readonly lost: Promise<never> }>();

  constructor(state: DurableObjectState, env: object, clock: VirtualClock, tally: Tally) {
    this.#state = state;
    this.#sql = state.storage.sql;
    this.#env = env;
    this.#clock = clock;
    this.#tally = tally;
  }

  /** Every call to it is counted. None of them is to the operator's part. */
  readonly stub: LedgerStub & Pick<LedgerInspection, 'forget'> = {
    execute: (call: LedgerCall) => this.#call((ledger) => ledger.execute(call)),
    recall: (call) => this.#call((ledger) => ledger.recall(call)),
    result: (query) => this.#call((ledger) => ledger.result(query)),
    countReplays: (id, lease, replays) => {
      this.#tally.add('leaseCalls');
      return this.#call(async (ledger) => ledger.countReplays(id, lease, replays));
    },
    forget: (id) => this.#call((ledger) => ledger.forget(id)),
  };

  /** Reads the body of an answer to its end, or for so long. Rejects where it breaks off. */
  async read(body: ReadableStream<Uint8Array>, forMs: number | null): Promise<void> {
    const { close, lost } = this.#reading.get(body) ?? { close: () => {}, lost: NEVER };
    const reader = body.getReader();
    const left = forMs === null ? NEVER : this.#clock.pause(forMs).then(() => null);
    try {
      for (;;) {
        const read = await Promise.race([reader.read(), lost, left]);
        if (read === null) return void reader.cancel().catch(() => {});
        if (read.done) return;
      }
    } finally {
      close();
    }
  }

  /**
   * Tells later whether the instance that is there now still is. What is on its way to one that is lost does
   * not arrive.
   */
  presence(): () => boolean {
    const instance = this.#instance;
    return () => instance === this.#instance;
  }

  /** It ends, with all that it has in memory, as it does with a deployment. Its next call starts it anew. */
  lose(): void {
    if (this.#instance === null) return;
    this.#tally.add('objectsLost');
    this.#instance.isLost = true;
    const error = new Error(
      'The Durable Object’s code has been updated, this version can no longer access storage.',
    );
    this.#instance.lose(Object.assign(error, { remote: true, durableObjectReset: true, retryable: true }));
    this.#instance = null;
  }

  /** To be called before its counts are looked at. */
  settle(): void {
    for (const { rowsRead, rowsWritten } of this.#cursors) {
      this.#tally.add('rowsRead', rowsRead);
      this.#tally.add('rowsWritten', rowsWritten);
    }
    this.#cursors = [];
    if (this.#open === 0) return;
    this.#tally.add('activeMs', this.#clock.now - this.#activeSince);
    this.#activeSince = this.#clock.now;
  }

  async #call<T>(task: (ledger: Ledger) => Promise<T>): Promise<T> {
    this.#tally.add('calls');
    const instance = this.#running();
    const close = this.#begin();
    try {
      await Promise.race([instance.ready, instance.lost]);
      const answer = await Promise.race([task(instance.ledger), instance.lost]);
      const body = bodyOf(answer);
      if (body instanceof ReadableStream) this.#reading.set(body, { close, lost: instance.lost });
      else {
        // The output gate: what was written has to be durable first.
        if (isExecuted(answer)) await Promise.race([this.#clock.pause(COMMIT_MS), instance.lost]);
        close();
      }
      return answer;
    } catch (error) {
      close();
      throw error;
    }
  }

  async #ring(): Promise<void> {
    this.#alarm = null;
    this.#tally.add('alarms');
    const instance = this.#running();
    const close = this.#begin();
    try {
      await instance.ready;
      await Promise.race([instance.ledger.alarm(), instance.lost]);
    } catch {
      // The runtime tries an alarm again whose object was lost.
      if (instance.isLost && this.#alarm === null) this.#setAlarm(this.#clock.now + 2_000, false);
    }
    close();
  }

  #running(): Instance {
    this.#instance ??= this.#start();
    return this.#instance;
  }

  #start(): Instance {
    const { promise: lost, reject } = Promise.withResolvers<never>();
    lost.catch(() => {});
    let ready: Promise<void> = Promise.resolve();
    let isLost = () => false;
    const storage = this.#storage(() => isLost());
    Object.defineProperties(this.#state, {
      storage: { value: storage, configurable: true },
      waitUntil: { value: (promise: Promise<unknown>) => this.#waitUntil(promise, lost), configurable: true },
      blockConcurrencyWhile: {
        value: (task: () => Promise<void>) => {
          ready = task();
          return ready;
        },
        configurable: true,
      },
    });
    const ledger = new Ledger(this.#state, this.#env);
    const instance: Instance = { ledger, ready, isLost: false, lose: reject, lost };
    isLost = () => instance.isLost;
    return instance;
  }

  #storage(isLost: () => boolean): object {
    const real = this.#sql;
    const assertHere = () => {
      if (isLost()) throw new Error('this instance is lost');
    };
    return {
      sql: {
        exec: (query: string, ...bindings: SqlStorageValue[]) => {
          assertHere();
          const cursor = real.exec(query, ...bindings);
          this.#cursors.push(cursor);
          if (this.#cursors.length > CURSORS_KEPT) this.#settleOld();
          return cursor;
        },
        get databaseSize() {
          return real.databaseSize;
        },
      },
      sync: () => this.#clock.pause(COMMIT_MS),
      getAlarm: async () => this.#alarm?.at ?? null,
      setAlarm: async (at: number) => {
        if (!isLost()) this.#setAlarm(at, true);
      },
    };
  }

  /** All but the newest have been read to their end. */
  #settleOld(): void {
    for (const { rowsRead, rowsWritten } of this.#cursors.splice(0, CURSORS_KEPT / 2)) {
      this.#tally.add('rowsRead', rowsRead);
      this.#tally.add('rowsWritten', rowsWritten);
    }
  }

  #setAlarm(at: number, isBilled: boolean): void {
    this.#alarm?.callOff();
    this.#alarm = { at, callOff: this.#clock.at(at, () => void this.#ring()) };
    if (!isBilled) return;
    this.#tally.add('alarmsSet');
    this.#tally.add('rowsWritten');
  }

  #waitUntil(promise: Promise<unknown>, lost: Promise<never>): void {
    const close = this.#begin();
    Promise.race([promise, lost]).then(close, close);
  }

  /** The object is at work until the returned function is called. To call that again does nothing. */
  #begin(): () => void {
    if (this.#open === 0) this.#activeSince = this.#clock.now;
    this.#open += 1;
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      this.#open -= 1;
      if (this.#open === 0) this.#tally.add('activeMs', this.#clock.now - this.#activeSince);
    };
  }
}

const CURSORS_KEPT = 512;
const NEVER = new Promise<never>(() => {});

function bodyOf(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'body') : null;
}

function isExecuted(answer: unknown): boolean {
  const { outcome }: Partial<LedgerAnswer> = Object(answer);
  return outcome === 'executed' || outcome === 'joined';
}
