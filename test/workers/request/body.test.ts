import { afterEach, expect, test, vi } from 'vitest';
import { BodyBytes, SEGMENT_BYTES } from '../../../src/body-bytes.ts';
import { BODY_LIMITS, isUnread, RequestBodies } from '../../../src/request/body.ts';

afterEach(() => void vi.useRealTimers());

const KIB = 1024;
const MIB = 1024 * KIB;
/** Limits at which a test waits for nothing. */
const IMPATIENT = { ...BODY_LIMITS, silenceMs: 20 };

/** Bytes that are not the same anywhere for long. */
function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index * 2_654_435_761) >>> 24);
}

/** A request whose body is what is written, in the pieces in which it is. */
function upload(headers: Record<string, string> = {}) {
  const { readable, writable } = new IdentityTransformStream();
  const init = { method: 'POST', headers, body: readable };
  return { request: new Request('https://gate.example/x', init), writer: writable.getWriter() };
}

function declaring(bytes: number) {
  return upload({ 'content-length': String(bytes) });
}

async function send(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  bytes: Uint8Array,
  pieceBytes: number,
): Promise<void> {
  for (let at = 0; at < bytes.byteLength; at += pieceBytes) {
    await writer.write(bytes.slice(at, at + pieceBytes));
  }
  await writer.close();
}

function bytesOf(result: Awaited<ReturnType<RequestBodies['read']>>): BodyBytes {
  if (result.kind !== 'body') throw new Error(result.kind);
  return result.bytes;
}

const SIZES = [
  0,
  1,
  4 * KIB,
  4 * KIB + 1,
  16 * KIB,
  16 * KIB + 1,
  SEGMENT_BYTES,
  SEGMENT_BYTES + 1,
  3 * SEGMENT_BYTES + 7,
];

test.each(SIZES.flatMap((size) => [100_000, 999].map((piece) => [size, piece] as const)))(
  'a body of %i bytes in pieces of %i is read byte for byte, and held once',
  async (size, piece) => {
    const bodies = new RequestBodies();
    for (const { request, writer } of [upload(), declaring(size)]) {
      const [result] = await Promise.all([
        bodies.read(request, 10 * MIB),
        // The last byte of a body that says how long it is ends it.
        send(writer, pattern(size), piece).catch(() => {}),
      ]);
      const body = bytesOf(result);
      expect(body.length).toBe(size);
      expect(body.whole()).toEqual(pattern(size));
      expect(bodies.heldBytes).toBe(size);
      body.release();
      expect(bodies.heldBytes).toBe(0);
    }
  },
);

test('a body is let go piece by piece as it is handed on, whoever still refers to it', async () => {
  const bodies = new RequestBodies();
  const { request, writer } = upload();
  const size = 4 * SEGMENT_BYTES;
  const [result] = await Promise.all([
    bodies.read(request, MIB),
    send(writer, pattern(size), 64 * KIB).catch(() => {}),
  ]);
  const body = bytesOf(result);
  const segments = [...body.segments];
  const reader = body.stream().getReader({ mode: 'byob' });
  const half = await reader.readAtLeast(size / 2, new Uint8Array(size / 2));
  // Of what has been taken, what was taken last may still be on its way.
  expect(bodies.heldBytes).toBeLessThanOrEqual(size / 2 + SEGMENT_BYTES);
  const rest = await reader.readAtLeast(size / 2, new Uint8Array(size / 2));
  expect(new Uint8Array([...(half.value ?? []), ...(rest.value ?? [])])).toEqual(pattern(size));
  await reader.read(new Uint8Array(1));
  expect(bodies.heldBytes).toBe(0);
  expect(segments.map((segment) => segment.byteLength)).toEqual([0, 0, 0, 0]);
});

test('a body that nobody takes is let go when its stream is cancelled', async () => {
  const bodies = new RequestBodies();
  const { request, writer } = upload();
  const [result] = await Promise.all([bodies.read(request, MIB), send(writer, pattern(600 * KIB), 64 * KIB)]);
  await bytesOf(result).stream().cancel();
  await expect.poll(() => bodies.heldBytes).toBe(0);
});

test('a body that only says how large it is takes no more than what came of it', async () => {
  const bodies = new RequestBodies(IMPATIENT);
  const { request, writer } = declaring(10 * MIB);
  const result = bodies.read(request, 10 * MIB);
  await writer.write(pattern(1000));
  expect(bodies.heldBytes).toBeGreaterThan(0);
  expect(bodies.heldBytes).toBeLessThanOrEqual(16 * KIB);
  await result;
});

test('a small body takes nothing until it is here, so that a client that leaves before leaves nothing behind', async () => {
  const bodies = new RequestBodies();
  const { request, writer } = declaring(1000);
  const result = bodies.read(request, MIB);
  await writer.write(pattern(400));
  expect(bodies.heldBytes).toBe(0);
  await send(writer, pattern(600), 600);
  expect(bytesOf(await result).length).toBe(1000);
  expect(bodies.heldBytes).toBe(1000);
});

test.each([0, 1000, 300 * KIB])(
  'a body that stalls after %i bytes is given up, and takes nothing any more',
  async (size) => {
    const bodies = new RequestBodies(IMPATIENT);
    const { request, writer } = declaring(MIB);
    const result = bodies.read(request, MIB);
    if (size > 0) await writer.write(pattern(size));
    expect(await result).toEqual({ kind: 'silent' });
    expect(bodies.heldBytes).toBe(0);
    // Its client is told, by its connection, that nobody reads it any more.
    await expect(writer.write(pattern(1))).rejects.toThrow();
  },
);

test('a body that comes slowly, but comes, is not given up', async () => {
  const bodies = new RequestBodies({ ...BODY_LIMITS, silenceMs: 500 });
  const { request, writer } = upload();
  const result = bodies.read(request, 30);
  for (let n = 0; n < 30; n += 1) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    await writer.write(pattern(1));
  }
  await writer.close();
  expect(bytesOf(await result).length).toBe(30);
});

test('bodies over the budget are refused, and give back what they took', async () => {
  const bodies = new RequestBodies({ ...BODY_LIMITS, heldBytes: MIB });
  const first = upload();
  const held = await Promise.all([
    bodies.read(first.request, MIB),
    send(first.writer, pattern(700 * KIB), 64 * KIB),
  ]);
  const second = upload();
  const refused = bodies.read(second.request, MIB);
  const sent = send(second.writer, pattern(700 * KIB), 64 * KIB);
  expect(await refused).toEqual({ kind: 'no-room' });
  expect(bodies.heldBytes).toBe(700 * KIB);
  // Its client has sent it all, and gets to read why.
  await sent;
  bytesOf(held[0]).release();
  const third = upload();
  const [admitted] = await Promise.all([
    bodies.read(third.request, MIB),
    send(third.writer, pattern(700 * KIB), 64 * KIB),
  ]);
  expect(admitted.kind).toBe('body');
});

test.each([
  ['of a known length', () => declaring(MIB + 1)],
  ['of unknown length', () => upload()],
])(
  'a body %s that is too large is dropped to its end, so that its client gets the answer',
  async (_, make) => {
    const bodies = new RequestBodies();
    const { request, writer } = make();
    const sent = send(writer, pattern(MIB + 1), 64 * KIB);
    expect(await bodies.read(request, MIB)).toEqual({ kind: 'too-large' });
    expect(bodies.heldBytes).toBe(0);
    await bodies.drop(request);
    await sent;
  },
);

test('no more is dropped than the limit, and nothing is waited for for ever', async () => {
  const bodies = new RequestBodies({ ...IMPATIENT, droppedBytes: 200 * KIB });
  const endless = upload();
  const sent = send(endless.writer, pattern(MIB), 64 * KIB);
  await bodies.drop(endless.request);
  await expect(sent).rejects.toThrow();
  const silent = upload();
  await bodies.drop(silent.request);
  await expect(silent.writer.write(pattern(1))).rejects.toThrow();
});

test('a client that asks before it sends is answered at once', async () => {
  const bodies = new RequestBodies();
  const { request } = upload({ 'content-length': '12582912', expect: '100-Continue' });
  await bodies.drop(request);
  expect(isUnread(request)).toBe(true);
});

test('a body that breaks off takes nothing any more', async () => {
  const bodies = new RequestBodies();
  const { request, writer } = upload();
  const result = bodies.read(request, MIB);
  await writer.write(pattern(100 * KIB));
  await writer.abort(new Error('the client left'));
  expect(await result).toEqual({ kind: 'broken-off' });
  expect(bodies.heldBytes).toBe(0);
});

test('bytes are found across segments', () => {
  const bytes = new Uint8Array(2 * SEGMENT_BYTES + 10);
  bytes[SEGMENT_BYTES - 1] = 1;
  bytes[2 * SEGMENT_BYTES + 3] = 2;
  const body = BodyBytes.of(bytes);
  expect(body.indexOf(1, 0)).toBe(SEGMENT_BYTES - 1);
  expect(body.indexOf(2, SEGMENT_BYTES)).toBe(2 * SEGMENT_BYTES + 3);
  expect(body.indexOf(1, SEGMENT_BYTES)).toBe(-1);
  expect(body.at(2 * SEGMENT_BYTES + 3)).toBe(2);
  const across = [...body.between(SEGMENT_BYTES - 2, 2 * SEGMENT_BYTES + 4)];
  expect(across.map((part) => part.byteLength)).toEqual([2, SEGMENT_BYTES, 4]);
  expect([...body.between(5, 5)].reduce((sum, part) => sum + part.byteLength, 0)).toBe(0);
});

test('a body that drips is held for as long as it comes', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const bodies = new RequestBodies({ ...BODY_LIMITS, heldBytes: MIB });
  const slow = declaring(MIB);
  const reading = bodies.read(slow.request, 10 * MIB);
  await slow.writer.write(new Uint8Array(600 * KIB));
  for (let drops = 0; drops < 5; drops += 1) {
    vi.setSystemTime(Date.now() + BODY_LIMITS.silenceMs - 1);
    await slow.writer.write(new Uint8Array(1));
  }
  const held = bodies.heldBytes;
  expect(held).toBeGreaterThanOrEqual(600 * KIB);
  const other = declaring(600 * KIB);
  const [refused] = await Promise.all([
    bodies.read(other.request, 10 * MIB),
    send(other.writer, new Uint8Array(600 * KIB), 100_000).catch(() => {}),
  ]);
  expect(refused).toEqual({ kind: 'no-room' });
  expect(bodies.heldBytes).toBe(held);
  await slow.writer.abort();
  expect(await reading).toEqual({ kind: 'broken-off' });
});
