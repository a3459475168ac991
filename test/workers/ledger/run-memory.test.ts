import { expect, test } from 'vitest';
import { RunMemory, RunRoom } from '../../../src/ledger/run/run-memory.ts';

const MIB = 1024 * 1024;
const KIB = 1024;

function admitted(room: ReturnType<RunMemory['admit']>): RunRoom {
  if (!(room instanceof RunRoom)) throw new Error(room);
  return room;
}

test('where there is no memory left, whoever has more than a share of it is told so, and anybody else that there is none', () => {
  const memory = new RunMemory(4 * MIB);
  const [alice, bob] = [admitted(memory.admit(['alice', 'here'])), admitted(memory.admit(['bob', 'there']))];
  expect(alice.grow(3.5 * MIB)).toBe(true);
  expect(bob.grow(MIB)).toBe(false);
  // Small runs get in for a while longer.
  const small: RunRoom[] = [];
  for (let room = memory.admit(['bob', 'there']); room instanceof RunRoom; room = memory.admit(['bob'])) {
    small.push(room);
  }
  expect(memory.admit(['alice', 'elsewhere'])).toBe('too-much-held');
  expect(memory.admit(['nobody', 'nowhere'])).toBe('no-room');
  expect(memory.admit(['invented by alice', 'here'])).toBe('too-much-held');
  for (const room of small) room.end();
  expect(memory.admit(['nobody', 'nowhere'])).toBeInstanceOf(RunRoom);
});

test('a caller’s buffers grow up to its share, and all together up to a half', () => {
  const memory = new RunMemory(4 * MIB);
  const parties = ['alice', 'bob', 'carol', 'dave'];
  const grown = parties.map((party) => {
    const room = admitted(memory.admit([party]));
    let bytes = 0;
    while (room.growIfAmple(64 * KIB)) bytes += 64 * KIB;
    return bytes;
  });
  expect(grown[0]).toBeGreaterThan(0.9 * MIB);
  expect(grown[0]).toBeLessThanOrEqual(MIB);
  expect(grown.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(2 * MIB);
  expect(grown[3]).toBe(0);
});

test('everything that was taken is given back', () => {
  const memory = new RunMemory(4 * MIB);
  const room = admitted(memory.admit(['alice', 'here']));
  room.grow(MIB);
  room.growIfAmple(64 * KIB);
  room.shrink(MIB);
  room.shrink(64 * KIB);
  room.end();
  expect(memory.heldBytes).toBe(0);
});

test('a result on its way to RESULTS is held only where there is memory for it', () => {
  const memory = new RunMemory(4 * MIB);
  const held = [];
  for (let hold = memory.holdResult(512 * KIB); hold !== null; hold = memory.holdResult(512 * KIB))
    held.push(hold);
  expect(held).toHaveLength(6);
  held[0]?.release();
  expect(memory.holdResult(512 * KIB)).not.toBeNull();
});

test('tasks in turn come one after the other, whatever becomes of the one before', async () => {
  const memory = new RunMemory();
  const events: string[] = [];
  const gate = Promise.withResolvers<void>();
  const failing = memory.inTurn(async () => {
    events.push('first begins');
    await gate.promise;
    events.push('first ends');
    throw new Error('no');
  });
  const second = memory.inTurn(async () => void events.push('second'));
  gate.resolve();
  await expect(failing).rejects.toThrow('no');
  await second;
  expect(events).toEqual(['first begins', 'first ends', 'second']);
});
