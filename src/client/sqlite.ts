/**
 * @module A durable {@link SqliteStore}, for Node ≥ 22.5, Deno ≥ 2.2 and recent Bun. Apart, so that the main
 * entry stays platform-free. Runs in: Node, Deno, Bun.
 */

import { chmodSync, closeSync, existsSync, openSync, realpathSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { checkInteger, checkText } from './checks.ts';
import type { ResultStore } from './store.ts';

/** Options of {@link SqliteStore}. */
export interface SqliteStoreOptions {
  /** How long a result is kept, in milliseconds. Default 2 592 000 000, thirty days. */
  readonly ttlMs?: number;
}

const DEFAULT_TTL_MS = 2_592_000_000;

/** Gives a store that lives as long as its object. */
const IN_MEMORY = ':memory:';

/** Read and write, for the owner alone. */
const OWNER_ONLY = 0o600;
const GROUP_AND_OTHERS = 0o077;

/** SQLite's files of one database; it makes the later ones with the mode of the first. */
const FILE_SUFFIXES = ['', '-wal', '-shm', '-journal'];

/** How long to wait for another process that is writing, in milliseconds. */
const BUSY_TIMEOUT_MS = 10_000;

/** Results dropped per write once their time is up: more than one, so that the file stops growing. */
const DROPPED_PER_WRITE = 4;

/**
 * Results in a file, so that a script that is run again repeats nothing: a result is on disk
 * (`synchronous = FULL`) before anyone is given it, and a crash in mid-write leaves the file as it was.
 *
 * SQLite rather than an appended text file: the recovery, the index and the locking between processes are
 * those of a library that is tested for it, a large file is not read into memory to be opened, and expired
 * results give their space back. The price is Node ≥ 22.5 (22 warns that the module is experimental).
 *
 * Results are in the file as they are, so it is its owner's alone (0600): it is made so, and one that group
 * or others may use is taken from them when it is opened.
 *
 * @throws {TypeError} an option that makes no sense
 * @throws {Error} the file is open to others, and somebody else's, so that this cannot be changed
 *
 * @example
 * ```ts
 * import { SqliteStore } from 'oncegate/client/sqlite';
 *
 * using store = new SqliteStore('import-2026-11.db');
 * await runBatch(customers, importCustomer, { batchId: 'import-2026-11', store });
 * ```
 */
export class SqliteStore implements ResultStore {
  readonly #ttlMs: number;
  readonly #database: DatabaseSync;
  readonly #select: StatementSync;
  readonly #upsert: StatementSync;
  readonly #delete: StatementSync;
  readonly #dropExpired: StatementSync;

  /**
   * Opens the file, or makes it. The path is a plain one; `:memory:` gives a store that lives as long as the
   * object.
   */
  constructor(path: string, options: SqliteStoreOptions = {}) {
    checkText('path', path);
    this.#ttlMs = checkInteger('ttlMs', options.ttlMs ?? DEFAULT_TTL_MS, 1);
    if (path !== IN_MEMORY) keepToOwner(path);
    this.#database = new DatabaseSync(path);
    this.#database.exec(`
      PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      CREATE TABLE IF NOT EXISTS oncegate_results (
        key TEXT PRIMARY KEY,
        expires_at INTEGER NOT NULL,
        value BLOB NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS oncegate_results_expires_at ON oncegate_results (expires_at);
    `);
    this.#select = this.#database.prepare(
      'SELECT value FROM oncegate_results WHERE key = ? AND expires_at > ?',
    );
    this.#upsert = this.#database.prepare(
      'INSERT OR REPLACE INTO oncegate_results (key, expires_at, value) VALUES (?, ?, ?)',
    );
    this.#delete = this.#database.prepare('DELETE FROM oncegate_results WHERE key = ?');
    this.#dropExpired = this.#database.prepare(
      `DELETE FROM oncegate_results WHERE key IN
         (SELECT key FROM oncegate_results WHERE expires_at <= ? ORDER BY expires_at LIMIT ${DROPPED_PER_WRITE})`,
    );
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const value = this.#select.get(key, Date.now())?.value;
    return value instanceof Uint8Array ? value : undefined;
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    const now = Date.now();
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      this.#dropExpired.run(now);
      this.#upsert.run(key, now + this.#ttlMs, value);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** Forgets a result; a key that is not there is no error. */
  async delete(key: string): Promise<void> {
    this.#delete.run(key);
  }

  /** Closes the file. Using the store afterwards throws. */
  close(): void {
    this.#database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Sees to it before SQLite opens the file, so that at no time others can open it. A file that is there
 * already is changed by its name and never opened here: to close it again would take away the locks that this
 * process has on it.
 */
function keepToOwner(path: string): void {
  // SQLite would read a URI, and make another file than the one that is looked after here.
  if (/^file:/i.test(path)) throw new TypeError('path: expected a path, not a file: URI');
  if (!existsSync(path)) closeSync(openSync(path, 'a', OWNER_ONLY));
  // SQLite puts its other files beside the one that a link leads to.
  const file = realpathSync(path);
  for (const suffix of FILE_SUFFIXES) tighten(file + suffix);
}

function tighten(file: string): void {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & GROUP_AND_OTHERS) === 0) return;
  try {
    chmodSync(file, OWNER_ONLY);
  } catch (cause) {
    throw new Error(`path: ${file} is open to other users of this machine, and that cannot be changed`, {
      cause,
    });
  }
}
