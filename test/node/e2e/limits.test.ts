import { expect, test } from 'vitest';
import { startGateway } from '../harness/gateway.ts';
import { freshGate, freshKey, post } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
const gateway = useGateway(() => ({
  vars: {
    UPSTREAM_URL: origin.url,
    ROUTES: [
      { path: '/running/*', stripPrefix: '/running', shards: 1, maxRunningPerCaller: 1 },
      { path: '/addresses/*', stripPrefix: '/addresses', shards: 1, maxRunningPerCaller: 10 },
      { path: '/stored/*', stripPrefix: '/stored', shards: 1, maxStoredBytesPerCaller: 100_000 },
    ],
  },
}));

/** A client at an address, as Cloudflare's edge tells it. */
function at(address: string, headers: Record<string, string> = {}): { headers: Record<string, string> } {
  return { headers: { 'cf-connecting-ip': address, ...headers } };
}

const alice = { headers: { authorization: 'Bearer alice' } };
/** Elsewhere, as an address has the limits of a caller. */
const bob = at('192.0.2.66', { authorization: 'Bearer bob' });

async function expectCallerLimit(response: Response, retryAfter: string): Promise<void> {
  expect(response.status).toBe(429);
  expect(response.headers.get('retry-after')).toBe(retryAfter);
  expect((await response.json()).type).toMatch(/\/_oncegate\/problems\/caller-limit$/);
}

test('a caller with as many requests running as it may have is told to wait; another caller is not', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  const running = post(`${gateway.url}/running/held/${gate}`, key, alice);
  await origin.arrived(gate);
  const refusedKey = freshKey();
  await expectCallerLimit(await post(`${gateway.url}/running/count`, refusedKey, alice), '1');
  expect(await origin.runs(refusedKey)).toHaveLength(0);
  expect((await post(`${gateway.url}/running/count`, freshKey(), bob)).status).toBe(200);
  // To join what runs is no execution more.
  const joined = post(`${gateway.url}/running/held/${gate}`, key, alice);
  await origin.open(gate);
  expect((await running).status).toBe(200);
  expect((await joined).status).toBe(200);
  expect((await post(`${gateway.url}/running/count`, freshKey(), alice)).status).toBe(200);
});

test('a caller with as much stored as it may have starts nothing new, and still gets its replays', async () => {
  const key = freshKey();
  await (await post(`${gateway.url}/stored/bytes/200000`, key, alice)).arrayBuffer();
  await expectCallerLimit(await post(`${gateway.url}/stored/count`, freshKey(), alice), '60');
  expect((await post(`${gateway.url}/stored/count`, freshKey(), bob)).status).toBe(200);
  const replay = await post(`${gateway.url}/stored/bytes/200000`, key, alice);
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
});

test('with a rate limiter bound, a caller that sends too fast is told to wait; another caller is not', async () => {
  const limited = await startGateway({ vars: { UPSTREAM_URL: origin.url }, requestsPerMinute: 3 });
  const statuses: number[] = [];
  for (let request = 0; request < 5; request += 1) {
    statuses.push((await post(`${limited.url}/count`, freshKey(), alice)).status);
  }
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
  await expectCallerLimit(await post(`${limited.url}/count`, freshKey(), alice), '10');
  expect((await post(`${limited.url}/count`, freshKey(), bob)).status).toBe(200);
  await limited.stop();
});

test('who comes back for a result too fast is told to wait, as with any request', async () => {
  const vars = { UPSTREAM_URL: origin.url, RESPOND_ASYNC: 'true' };
  const limited = await startGateway({ vars, requestsPerMinute: 3 });
  const key = freshKey();
  await (await post(`${limited.url}/count`, key, bob)).text();
  const ask = (caller: RequestInit) => {
    const headers = new Headers(caller.headers);
    headers.set('idempotency-key', key);
    return fetch(`${limited.url}/_oncegate/results/count`, { headers });
  };
  // The limiter counts by the minute of the clock, which may turn once in this time.
  const answers: Response[] = [];
  for (let n = 0; n < 8; n += 1) answers.push(await ask(bob));
  expect(answers.slice(0, 2).map(({ status }) => status)).toEqual([200, 200]);
  const [tooFast = Response.error()] = answers.filter(({ status }) => status !== 200);
  await expectCallerLimit(tooFast, '10');
  expect((await ask(alice)).status).toBe(404);
  await limited.stop();
});

test('a client that invents a credential for each request is held to the limit of one caller', async () => {
  const gate = freshGate();
  const url = `${gateway.url}/addresses/held/${gate}`;
  const attempts = Array.from({ length: 100 }, (_, n) =>
    post(url, freshKey(), at('192.0.2.1', { authorization: 'Bearer valid', 'x-api-key': `invented ${n}` })),
  );
  await origin.arrived(gate);
  // A caller of its own elsewhere is not held up by that.
  const elsewhere = at('192.0.2.2', { authorization: 'Bearer valid' });
  expect((await post(`${gateway.url}/addresses/count`, freshKey(), elsewhere)).status).toBe(200);
  // Those refused are answered; those that run wait at the gate.
  await expect.poll(async () => (await Promise.all(attempts.map(isSettled))).filter(Boolean).length).toBe(90);
  await origin.open(gate);
  const statuses = (await Promise.all(attempts)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(10);
  expect(statuses.filter((status) => status === 429)).toHaveLength(90);
});

function isSettled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([
    promise.then(() => true),
    new Promise<boolean>((resolve) => setTimeout(resolve, 0, false)),
  ]);
}

test('a client without credentials locks out its own network, and no other', async () => {
  const [key, gate] = [freshKey(), freshGate()];
  const running = post(`${gateway.url}/running/held/${gate}`, key, at('2001:db8:1:2::1'));
  await origin.arrived(gate);
  const url = `${gateway.url}/running/count`;
  await expectCallerLimit(await post(url, freshKey(), at('2001:db8:1:2:ffff::2')), '1');
  expect((await post(url, freshKey(), at('2001:db8:1:3::1'))).status).toBe(200);
  // The same key from elsewhere is the same execution all the same.
  const joined = post(`${gateway.url}/running/held/${gate}`, key, at('192.0.2.9'));
  await origin.open(gate);
  expect(await (await joined).json()).toEqual({ run: 1 });
  expect((await running).status).toBe(200);
});

test('with a rate limiter bound, addresses are counted too, and no line of the log tells one', async () => {
  const limited = await startGateway({ vars: { UPSTREAM_URL: origin.url }, requestsPerMinute: 3 });
  const send = (address: string, n: number) =>
    post(`${limited.url}/count`, freshKey(), at(address, { 'x-api-key': `invented ${n}` }));
  // The limiter counts by the minute of the clock: a burst in which it turns is sent anew, from elsewhere.
  for (let from = 1; ; from += 1) {
    const minute = Math.floor(Date.now() / 60_000);
    const statuses: number[] = [];
    for (let n = 0; n < 5; n += 1) statuses.push((await send(`192.0.2.7${from}`, n)).status);
    if (Math.floor(Date.now() / 60_000) !== minute) continue;
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    break;
  }
  expect((await send('192.0.2.79', 0)).status).toBe(200);
  expect(limited.output.join('\n')).not.toContain('192.0.2.7');
  await limited.stop();
});
