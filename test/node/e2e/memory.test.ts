import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { attachGauge } from '../harness/memory-gauge.ts';
import { freshGate, freshKey, post } from '../harness/request.ts';
import { use, useGateway, useOrigin } from '../harness/use.ts';

const MIB = 1024 * 1024;

const origin = useOrigin();
const gateway = useGateway(() => ({
  vars: { UPSTREAM_URL: origin.url, LEDGER_SHARDS: 1, MAX_REQUEST_BYTES: 64 * MIB },
  inspected: true,
}));
const gauge = use(
  async () => {
    await (await post(`${gateway.url}/count`, freshKey())).text();
    return attachGauge(gateway);
  },
  (attached) => attached.close(),
);

test.each([
  ['100 KiB', 20, 100 * 1024],
  ['10 MiB', 3, 10 * MIB],
  ['64 MiB', 1, 64 * MIB],
])('a request body of %s is held no longer than it takes to send it', async (_, count, size) => {
  const before = await gauge.heldBytes();
  const runs = [];
  for (let n = 0; n < count; n += 1) {
    const gate = freshGate();
    runs.push({
      gate,
      response: post(`${gateway.url}/held/${gate}`, freshKey(), { body: Buffer.alloc(size) }),
    });
    await origin.arrived(gate);
  }
  expect((await gauge.heldBytes()) - before).toBeLessThan(MIB);
  for (const { gate } of runs) await origin.open(gate);
  for (const { response } of runs) expect((await response).status).toBe(200);
});

test('clients that break off while they send leave nothing behind', async () => {
  const { hostname, port, host } = new URL(gateway.url);
  const before = await gauge.heldBytes();
  const sockets = Array.from({ length: 9 }, () => {
    const socket = connect(Number(port), hostname);
    const fields = `Host: ${host}\r\nIdempotency-Key: ${freshKey()}\r\nContent-Length: ${10 * MIB}\r\n`;
    socket.write(`POST /count HTTP/1.1\r\n${fields}\r\n`);
    socket.write(Buffer.alloc(4 * MIB));
    return socket;
  });
  await expect.poll(async () => (await gauge.heldBytes()) - before).toBeGreaterThan(34 * MIB);
  const upload = { body: Buffer.alloc(9 * MIB) };
  expect((await post(`${gateway.url}/count`, freshKey(), upload)).status).toBe(503);
  for (const socket of sockets) socket.resetAndDestroy();
  await expect.poll(async () => (await post(`${gateway.url}/count`, freshKey(), upload)).status).toBe(200);
});

test('what running responses hold has a bound, however many there are, and each of them is whole', async () => {
  const before = await gauge.heldBytes();
  const gate = freshGate();
  const size = 500 * 1024;
  const runs = await Promise.all(
    Array.from({ length: 120 }, async (_, n) => {
      const url = `${gateway.url}/held-end/${gate}?size=${size}`;
      const response = await post(url, freshKey(), { headers: { authorization: `caller ${n % 4}` } });
      const reader = response.body?.getReader();
      if (reader === undefined) throw new Error('no body');
      let bytes = 0;
      while (bytes < size) bytes += (await reader.read()).value?.byteLength ?? Number.NaN;
      return { reader, bytes };
    }),
  );
  // Half of what an object may hold, and each run's own first buffers.
  expect((await gauge.heldBytes()) - before).toBeLessThan(20 * MIB + runs.length * 48 * 1024);
  await origin.open(gate);
  for (const { reader, bytes } of runs) {
    expect(bytes).toBe(size);
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('end');
    expect((await reader.read()).done).toBe(true);
  }
});
