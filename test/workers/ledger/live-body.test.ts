import { afterEach, expect, test, vi } from 'vitest';
import { LiveBody } from '../../../src/ledger/run/live-body.ts';
import { PIECE_BYTES } from '../../../src/record/format.ts';

afterEach(() => {
  vi.useRealTimers();
});

/** A store in memory that tells what it holds. */
function memoryStore() {
  const pieces = new Map<number, Uint8Array>();
  const parts = new Map<number, Uint8Array>();
  let held = 0;
  return {
    pieces,
    parts,
    held: () => held,
    write: async (n: number, bytes: Uint8Array) => void pieces.set(n, bytes.slice()),
    read: async (n: number) => {
      const piece = pieces.get(n);
      if (piece === undefined) throw new Error(`piece ${n} is gone`);
      return piece.slice();
    },
    writePart: async (n: number, bytes: Uint8Array) => void parts.set(n, bytes.slice()),
    readPart: async (n: number) => {
      const part = parts.get(n);
      if (part === undefined) throw new Error(`part ${n} is gone`);
      return part.slice();
    },
    dropParts: (below: number) => {
      for (const n of parts.keys()) if (n < below) parts.delete(n);
    },
    drop: (below: number) => {
      for (const n of pieces.keys()) if (n < below) pieces.delete(n);
    },
    hasRoom: () => true,
    hold: () => {
      held += 1;
      return () => {
        held -= 1;
      };
    },
  };
}

/** Bytes that are not the same anywhere for long. */
function pattern(size: number, from = 0): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (((from + index) * 2_654_435_761) >>> 24) & 0xff);
}

async function whole(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** What a reader can have without anything else happening. */
async function available(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<number> {
  let bytes = 0;
  for (;;) {
    const next = reader.read();
    const settled = await Promise.race([next, new Promise<null>((resolve) => setTimeout(resolve, 10, null))]);
    if (settled === null || settled.value === undefined) return bytes;
    bytes += settled.value.byteLength;
  }
}

test.each([1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES, 2 * PIECE_BYTES + 7])(
  'a body of %i bytes is the same for who came first, who came late and who reads slowly',
  async (size) => {
    const store = memoryStore();
    const body = new LiveBody(store);
    const first = body.attach().stream();
    const slow = body.attach();
    const early = whole(first);
    for (let at = 0; at < size; at += 100_000) await body.append(pattern(Math.min(100_000, size - at), at));
    const late = body.attach();
    body.end('whole');
    const expected = pattern(size);
    expect(await early).toEqual(expected);
    expect(await whole(late.stream())).toEqual(expected);
    expect(await whole(slow.stream())).toEqual(expected);
    expect(store.held()).toBe(0);
  },
);

test('of a body whose length is known, the last byte is held back until the end', async () => {
  const body = new LiveBody(memoryStore());
  body.expect(1000);
  const reader = body.attach().stream().getReader();
  await body.append(pattern(1000));
  const read = available(reader);
  expect(await read).toBe(999);
  body.end('whole');
});

test('a body that breaks gives what came and then an error', async () => {
  const body = new LiveBody(memoryStore());
  const reader = body.attach().stream().getReader();
  await body.append(pattern(10));
  expect((await reader.read()).value).toEqual(pattern(10));
  body.end('broken');
  await expect(reader.read()).rejects.toThrow('broke off');
});

test('a body that is not recorded keeps only what somebody has yet to read', async () => {
  const store = memoryStore();
  const body = new LiveBody(store);
  body.forgo();
  const [one, other] = [body.attach(), body.attach()];
  const fast = whole(one.stream());
  const slow = other.stream().getReader();
  for (let n = 0; n < 4; n += 1) await body.append(pattern(PIECE_BYTES));
  expect(body.readable).toBe(false);
  // One reader has nothing yet, so all full pieces are there for it; the last one is in memory.
  expect([...store.pieces.keys()]).toEqual([0, 1, 2]);
  body.end('whole');
  await fast;
  await slow.cancel();
  expect(store.pieces.size).toBe(0);
  expect(store.held()).toBe(0);
});

test('a body that is not recorded waits for its fastest reader, and goes on when that one leaves', async () => {
  const body = new LiveBody(memoryStore());
  body.forgo();
  const reader = body.attach();
  await body.append(pattern(PIECE_BYTES));
  let appended = false;
  const more = body.append(pattern(1)).then(() => {
    appended = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(appended).toBe(false);
  reader.leave();
  await more;
  expect(body.size).toBe(PIECE_BYTES + 1);
});

test('a reader that does not move for a minute does not hold up a body that is not recorded', async () => {
  vi.useFakeTimers();
  const store = memoryStore();
  const body = new LiveBody(store);
  body.forgo();
  const stalled = body.attach().stream();
  await body.append(pattern(PIECE_BYTES));
  const more = body.append(pattern(1));
  await vi.advanceTimersByTimeAsync(61_000);
  await more;
  expect(store.held()).toBe(0);
  body.end('whole');
  await expect(whole(stalled)).rejects.toThrow('cut off');
});

test('who reads nothing of a body that has ended for long is cut off, and who reads slowly is not', async () => {
  vi.useFakeTimers();
  const store = memoryStore();
  const body = new LiveBody(store);
  const [stalled, slow, late] = [body.attach().stream(), body.attach().stream(), body.attach()];
  for (let n = 0; n < 3; n += 1) await body.append(pattern(PIECE_BYTES));
  body.end('whole');
  const never = late.stream();
  const reader = slow.getReader();
  for (let read = 0, due = PIECE_BYTES; due <= 3 * PIECE_BYTES; due += PIECE_BYTES) {
    while (read < due) read += (await reader.read()).value?.byteLength ?? 0;
    await vi.advanceTimersByTimeAsync(290_000);
  }
  expect((await reader.read()).done).toBe(true);
  expect(store.held()).toBe(0);
  await expect(whole(stalled)).rejects.toThrow('cut off');
  await expect(whole(never)).rejects.toThrow('cut off');
  expect(vi.getTimerCount()).toBe(0);
});

test('who waits for a silent upstream is not taken for one that does not read', async () => {
  vi.useFakeTimers();
  const body = new LiveBody(memoryStore());
  const reader = body.attach().stream().getReader();
  const first = reader.read();
  await vi.advanceTimersByTimeAsync(3_600_000);
  await body.append(pattern(10));
  expect((await first).value).toEqual(pattern(10));
  body.end('whole');
  expect((await reader.read()).done).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

/** Memory that is short whenever a test says so, and tells what was taken. */
function scarceRoom() {
  const room = {
    ample: false,
    taken: 0,
    growIfAmple: (bytes: number) => {
      if (room.ample) room.taken += bytes;
      return room.ample;
    },
    grow: (bytes: number) => {
      room.taken += bytes;
      return true;
    },
    shrink: (bytes: number) => {
      room.taken -= bytes;
    },
    inTurn: <T>(task: () => Promise<T>) => task(),
  };
  return room;
}

test.each([1, 16 * 1024 + 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES + 7])(
  'where memory is short, a body of %i bytes is written down sooner, and is the same for all its readers',
  async (size) => {
    const store = memoryStore();
    const room = scarceRoom();
    const body = new LiveBody(store, room);
    const first = whole(body.attach().stream());
    const slow = body.attach();
    for (let at = 0; at < size; at += 7_000) {
      // Short, then ample, then short again, wherever that falls.
      room.ample = Math.floor(at / 150_000) % 2 === 1;
      await body.append(pattern(Math.min(7_000, size - at), at));
    }
    const late = body.attach();
    const rest = await body.withRest(async (bytes) => bytes.slice());
    body.end('whole');
    const expected = pattern(size);
    expect(rest).toEqual(expected.slice(store.pieces.size * PIECE_BYTES));
    for (const [n, piece] of store.pieces) {
      expect(piece).toEqual(expected.slice(n * PIECE_BYTES, (n + 1) * PIECE_BYTES));
    }
    expect(await first).toEqual(expected);
    expect(await whole(late.stream())).toEqual(expected);
    expect(await whole(slow.stream())).toEqual(expected);
    expect(store.parts.size).toBe(0);
    expect(room.taken).toBe(0);
  },
);

test('where memory is short from the start, a body takes none of it', async () => {
  const store = memoryStore();
  const room = scarceRoom();
  const body = new LiveBody(store, room);
  for (let at = 0; at < 300_000; at += 1_000) await body.append(pattern(1_000, at));
  expect(room.taken).toBe(0);
  expect(store.parts.size).toBe(Math.floor(300_000 / (16 * 1024)));
  expect(body.endsInOneAnswer).toBe(false);
  body.end('whole');
  expect(body.whole()).toBeNull();
});

test('a body that is not recorded is unwanted when its last reader has left, and none may join it then', async () => {
  const body = new LiveBody(memoryStore());
  let unwanted = false;
  void body.unwanted.then(() => {
    unwanted = true;
  });
  const [one, other] = [body.attach(), body.attach()];
  one.leave();
  body.forgo();
  await body.append(pattern(10));
  expect([unwanted, body.readable]).toEqual([false, true]);
  other.leave();
  await Promise.resolve();
  expect([unwanted, body.readable]).toEqual([true, false]);
});

test('a body that is recorded is wanted without a reader', async () => {
  const body = new LiveBody(memoryStore());
  let unwanted = false;
  void body.unwanted.then(() => {
    unwanted = true;
  });
  body.attach().leave();
  await body.append(pattern(10));
  body.end('whole');
  await Promise.resolve();
  expect(unwanted).toBe(false);
});
