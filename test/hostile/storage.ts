import { pass } from './clock.ts';
import type { SimulatedObject } from './object.ts';
import { differenceOf, tablesOf } from './tables.ts';

type Statement =
  | { readonly query: string; readonly bindings: readonly unknown[] }
  | { readonly alarmAt: number | null };

const WRITES = /^\s*(CREATE|INSERT|UPDATE|DELETE|REPLACE|ALTER|DROP)\b/i;
const WRITES_BODY = /^\s*INSERT INTO pieces\b/i;

/** How an old instance finds out that it is not the object any more. */
const SUPERSEDED =
  'Another instance of this Durable Object has started, which caused this object to be reset.';
const WRITE_FAILED = 'Internal error in Durable Object storage write caused object to be reset.';
const FULL = 'database or disk is full: SQLITE_FULL';

/**
 * The storage of one instance of an object: a database of its own, which holds what was committed when the
 * instance started and what it has written since. What it writes is of the object when it is committed, which
 * takes its time, may fail, and fails where another instance has started since.
 */
export class InstanceStorage {
  readonly storage: DurableObjectStorage;
  readonly name: string;
  /** Another instance has started. This one does not know. */
  isFenced = false;
  readonly #object: SimulatedObject;
  readonly #real: DurableObjectStorage;
  readonly #abort: (reason: string) => void;
  #alarmAt: number | null;
  #pending: Statement[] = [];
  #written = 0;
  #durable = 0;
  #committing = false;
  #broken: Error | null = null;
  #waiting: {
    readonly upTo: number;
    readonly resolve: () => void;
    readonly reject: (error: Error) => void;
  }[] = [];

  constructor(
    name: string,
    object: SimulatedObject,
    real: DurableObjectStorage,
    abort: (reason: string) => void,
  ) {
    this.name = name;
    this.#object = object;
    this.#real = real;
    this.#abort = abort;
    this.#alarmAt = object.alarmAt;
    // An idle object may be put away and come back: what is of its database is in the log.
    for (const table of Object.keys(tablesOf(real.sql))) real.sql.exec(`DROP TABLE ${table}`);
    for (const statement of object.log) this.#replay(statement);
    const difference = object.committed === null ? null : differenceOf(object.committed, tablesOf(real.sql));
    if (difference !== null) object.flaw(name, `it does not begin with what was committed: ${difference}`);
    this.storage = this.#double();
  }

  /** What leaves the object waits here until all that was written before is durable. */
  gate(): Promise<void> {
    if (this.#broken !== null) return Promise.reject(this.#broken);
    if (this.#durable === this.#written) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ upTo: this.#written, resolve, reject });
    return promise;
  }

  /** The instance ends here and now, with what it had not committed. To be called by itself only. */
  end(reason: string): void {
    if (this.#broken !== null) return;
    this.#broken = new Error(reason);
    this.#trace('lost', this.#pending);
    this.#object.trace.note(this.name, `ends: ${reason}`);
    this.#pending = [];
    for (const { reject } of this.#waiting.splice(0)) reject(this.#broken);
    this.#abort(reason);
  }

  #double(): DurableObjectStorage {
    const sql = {
      exec: (query: string, ...bindings: unknown[]) => this.#exec(query, bindings),
      databaseSize: 0,
    };
    Object.defineProperty(sql, 'databaseSize', { get: () => this.#real.sql.databaseSize });
    const members: Record<string, unknown> = {
      sql,
      sync: () => this.gate(),
      getAlarm: () => Promise.resolve(this.#alarmAt),
      setAlarm: (at: number | Date) => this.#setAlarm(Number(at)),
      deleteAlarm: () => this.#setAlarm(null),
    };
    return new Proxy(this.#real, {
      get: (real, name) => {
        if (typeof name === 'string' && Object.hasOwn(members, name)) return members[name];
        throw new Error(
          `the world has no storage.${String(name)} in it, though there is ${typeof Reflect.get(real, name)}`,
        );
      },
    });
  }

  #exec(query: string, bindings: unknown[]): unknown {
    if (this.#broken !== null) throw this.#broken;
    const writes = WRITES.test(query);
    if (this.isFenced && this.#object.faults.tellsFenced()) {
      this.end(SUPERSEDED);
      throw this.#broken;
    }
    if (writes && this.#object.faults.isFull(WRITES_BODY.test(query))) {
      const error = new Error(FULL);
      this.#object.wasFull();
      if (!this.isFenced && this.#object.faults.resetsWhenFull()) {
        this.#object.died('… and the object was reset');
        this.end(`${FULL}, which caused this object to be reset.`);
      }
      throw error;
    }
    const cursor = this.#real.sql.exec(query, ...(bindings as SqlStorageValue[]));
    if (writes) {
      const statement = { query, bindings: bindings.map(copyOf) };
      this.#trace('wrote', [statement]);
      this.#write(statement);
    }
    return cursor;
  }

  #setAlarm(at: number | null): Promise<void> {
    if (this.#broken !== null) return Promise.reject(this.#broken);
    this.#alarmAt = at;
    this.#write({ alarmAt: at });
    return Promise.resolve();
  }

  /** The alarm comes. It is gone when what it is for is done, unless that has set another. */
  async handleAlarm(handle: () => Promise<void>): Promise<void> {
    this.#alarmAt = null;
    await handle();
    if (this.#alarmAt === null) this.#write({ alarmAt: null });
  }

  #write(statement: Statement): void {
    this.#pending.push(statement);
    this.#written += 1;
    if (!this.#committing) void this.#commit();
  }

  async #commit(): Promise<void> {
    this.#committing = true;
    while (this.#pending.length > 0 && this.#broken === null) {
      await pass(this.#object.faults.commitMs());
      if (this.#broken !== null) break;
      if (this.isFenced) return this.end(SUPERSEDED);
      if (this.#object.faults.commitFails()) {
        this.#object.died('a commit failed');
        return this.end(WRITE_FAILED);
      }
      const batch = this.#pending.splice(0);
      this.#object.log.push(...batch);
      this.#object.committed = tablesOf(this.#real.sql);
      this.#trace('committed', batch);
      for (const statement of batch) if ('alarmAt' in statement) this.#object.alarmAt = statement.alarmAt;
      this.#durable += batch.length;
      const ready = this.#waiting.filter(({ upTo }) => upTo <= this.#durable);
      this.#waiting = this.#waiting.filter(({ upTo }) => upTo > this.#durable);
      for (const { resolve } of ready) resolve();
    }
    this.#committing = false;
  }

  #trace(what: string, statements: readonly Statement[]): void {
    for (const statement of statements) {
      if ('query' in statement)
        this.#object.trace.statement(this.name, what, statement.query, statement.bindings);
    }
  }

  #replay(statement: Statement): void {
    if (!('query' in statement)) return;
    // To its end: a statement that is not done keeps the database from committing.
    this.#real.sql.exec(statement.query, ...(statement.bindings as SqlStorageValue[])).toArray();
  }
}

/** What is bound may be changed by its owner afterwards. */
function copyOf(binding: unknown): unknown {
  return binding instanceof Uint8Array ? binding.slice() : binding;
}

export type { Statement };
