/** @module What a ledger object is made of. Runs in: the ledger object. */

import { resultsOf } from '../bindings.ts';
import { isolateMemory } from '../isolate-memory.ts';
import { Readers } from '../record/readers.ts';
import { Alarm } from './alarm.ts';
import { Archive } from './archive.ts';
import { Removal } from './removal.ts';
import { Moment } from './run/moment.ts';
import { OBJECT_BODIES_BYTES, RunMemory } from './run/run-memory.ts';
import { Runs } from './run/runs.ts';
import { Watchdog } from './run/watchdog.ts';
import { Counts } from './store/counts.ts';
import { Holds } from './store/holds.ts';
import { Pieces } from './store/pieces.ts';
import { Rows } from './store/rows.ts';
import { createTables } from './store/schema.ts';
import { StorageRoom } from './store/storage-room.ts';
import { CallerUsage } from './usage.ts';

/** What {@link partsOf} makes. */
export type LedgerParts = ReturnType<typeof partsOf>;

/** What a ledger object is made of, without what it does with it. */
export function partsOf(ctx: DurableObjectState, env: object) {
  const { storage } = ctx;
  const { sql } = storage;
  createTables(sql);
  const alarm = new Alarm(storage);
  const rows = new Rows(sql);
  const pieces = new Pieces(sql);
  const holds = new Holds();
  const usage = new CallerUsage();
  const watchdog = new Watchdog();
  const memory = new RunMemory(OBJECT_BODIES_BYTES, isolateMemory);
  const readers = new Readers(isolateMemory);
  isolateMemory.join(ctx.id.toString(), memory);
  isolateMemory.join(`${ctx.id} readers`, readers);
  const archive = new Archive(ctx, rows, pieces, () => resultsOf(env), alarm, watchdog);
  return {
    ctx,
    alarm,
    rows,
    pieces,
    holds,
    usage,
    archive,
    removal: new Removal(rows, pieces, holds, usage),
    storage: new StorageRoom(sql),
    counts: new Counts(sql, () => alarm.writeDownSoon()),
    memory,
    readers,
    runs: new Runs(),
    moment: new Moment(),
    watchdog,
    sync: () => storage.sync(),
  };
}
