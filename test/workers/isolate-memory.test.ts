import { afterEach, expect, test, vi } from 'vitest';
import { ByteBudget } from '../../src/budget.ts';
import { IsolateMemory } from '../../src/isolate-memory.ts';
import { RunMemory, RunRoom } from '../../src/ledger/run/run-memory.ts';
import { PIECE_BYTES } from '../../src/record/format.ts';
import { BodyReading, Readers } from '../../src/record/readers.ts';

const MIB = 1024 * 1024;

afterEach(() => {
  vi.useRealTimers();
});

function admitted(room: ReturnType<RunMemory['admit']>): RunRoom {
  if (!(room instanceof RunRoom)) throw new Error(room);
  return room;
}

function letIn(reader: ReturnType<Readers['enter']>): BodyReading {
  if (!(reader instanceof BodyReading)) throw new Error(reader);
  return reader;
}

/** A Worker and some objects in one isolate, each with a budget of its own. */
function isolate(maxBytes: number, objects: number) {
  const memory = new IsolateMemory(maxBytes);
  const worker = new ByteBudget(4 * MIB, memory);
  const inWorker = { tally: worker.tally, heldBy: () => 0 };
  memory.join('worker', inWorker);
  const inObjects = Array.from({ length: objects }, (_, n) => {
    const runs = new RunMemory(4 * MIB, memory);
    memory.join(`object ${n}`, runs);
    return runs;
  });
  return { memory, worker, inWorker, inObjects };
}

test('a Worker and the objects beside it hold no more in sum than there is for their isolate', () => {
  const { memory, worker, inWorker, inObjects } = isolate(6 * MIB, 3);
  expect(worker.hold().grow(3 * MIB)).toBe(true);
  const grown = inObjects.map((runs, n) => admitted(runs.admit([`caller ${n}`])).grow(2 * MIB));
  expect(grown).toEqual([true, false, false]);
  expect(memory.heldBytes).toBeLessThan(6 * MIB);
  expect(inWorker.tally.heldBytes).toBe(3 * MIB);
});

test('an object that was ended and starts again holds nothing of what it held before', () => {
  const { memory, inObjects } = isolate(6 * MIB, 2);
  const [lost, other] = inObjects;
  expect(lost && admitted(lost.admit(['alice'])).grow(4 * MIB)).toBe(true);
  expect(other && admitted(other.admit(['bob'])).grow(3 * MIB)).toBe(false);
  memory.join('object 0', new RunMemory(4 * MIB, memory));
  expect(other && admitted(other.admit(['bob'])).grow(3 * MIB)).toBe(true);
});

test('one caller leaves something to others, in an object and in all that are beside it', () => {
  const { inObjects } = isolate(24 * MIB, 8);
  const greedy: RunRoom[] = [];
  for (const runs of inObjects) {
    for (let room = runs.admit(['greedy']); room instanceof RunRoom; room = runs.admit(['greedy'])) {
      greedy.push(room);
      if (!room.grow(MIB)) break;
    }
  }
  expect(inObjects[7]?.admit(['greedy'])).toBe('too-much-held');
  const rooms = inObjects.map((runs) => admitted(runs.admit(['modest'])));
  expect(rooms.every((room) => room.grow(100 * 1024))).toBe(true);
});

test('a large body leaves small ones what is theirs, however large it is', () => {
  const budget = new ByteBudget(4 * MIB);
  expect(budget.hold().grow(64 * MIB)).toBe(true);
  expect(budget.hold().grow(64 * 1024)).toBe(true);
  expect(budget.hold().grow(MIB)).toBe(false);
});

test('readers of large results have a bound, all of them and each caller’s', () => {
  const readers = new Readers();
  const greedy = Array.from({ length: 20 }, () => letIn(readers.enter(['greedy', 'here'])));
  expect(readers.enter(['greedy', 'elsewhere'])).toBe('too-much-held');
  expect(readers.enter(['invented', 'here'])).toBe('too-much-held');
  for (let n = 0; n < 20; n += 1) letIn(readers.enter([`caller ${n}`]));
  expect(readers.enter(['nobody'])).toBe('no-room');
  greedy[0]?.leave();
  greedy[0]?.leave();
  letIn(readers.enter(['nobody']));
  expect(readers.enter(['another'])).toBe('no-room');
  expect(readers.tally.heldBytes).toBe(40 * PIECE_BYTES);
});

test('a reader of whom nothing is heard counts no more after a while, and one that goes on reading does', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const readers = new Readers();
  const [live, ...gone] = Array.from({ length: 20 }, () => letIn(readers.enter(['alice'])));
  vi.advanceTimersByTime(400_000);
  live?.moved();
  expect(readers.enter(['alice'])).toBe('too-much-held');
  vi.advanceTimersByTime(400_000);
  expect(gone.map(() => readers.enter(['alice']) instanceof BodyReading)).not.toContain(false);
  expect(readers.enter(['alice'])).toBe('too-much-held');
});
