import { expect, test } from 'vitest';
import { freshGate, freshKey, post, readNext } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
const gateway = useGateway(() => ({
  vars: {
    UPSTREAM_URL: origin.url,
    ROUTES: [
      { path: '/refuse/*', stripPrefix: '/refuse', unknownOutcome: 'refuse' },
      { path: '/impatient/*', stripPrefix: '/impatient', upstreamTimeoutSeconds: 1 },
      {
        path: '/impatient-refuse/*',
        stripPrefix: '/impatient-refuse',
        upstreamTimeoutSeconds: 1,
        unknownOutcome: 'refuse',
      },
      { path: '/small/*', stripPrefix: '/small', maxRecordBytes: 1_000_000 },
      { path: '/*' },
    ],
  },
}));

/** Rejects whether the connection breaks before the head is out or after. */
async function wholeText(response: Promise<Response>): Promise<string> {
  return (await response).text();
}

test('a stream’s first event arrives while the upstream still holds back the rest', async () => {
  const gate = freshGate();
  const response = await post(`${gateway.url}/sse/${gate}`, freshKey());
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Error('no body');
  expect(await readNext(reader)).toBe('data: first of run 1\n\n');
  await origin.open(gate);
  expect(await readNext(reader)).toBe('data: last\n\n');
  expect((await reader.read()).done).toBe(true);
});

test('a caller that joins a stream late gets it from the first byte, and then live', async () => {
  const key = freshKey();
  const gate = freshGate();
  const first = await post(`${gateway.url}/sse/${gate}`, key);
  const late = await post(`${gateway.url}/sse/${gate}`, key);
  const reader = late.body?.getReader();
  if (reader === undefined) throw new Error('no body');
  expect(late.headers.get('cache-status')).toBe('oncegate; fwd=miss; collapsed');
  expect(await readNext(reader)).toBe('data: first of run 1\n\n');
  await origin.open(gate);
  expect(await readNext(reader)).toBe('data: last\n\n');
  expect(await first.text()).toBe('data: first of run 1\n\ndata: last\n\n');
  expect(await origin.runs(key)).toHaveLength(1);
});

test('a recorded stream is replayed whole', async () => {
  const key = freshKey();
  const gate = freshGate();
  await origin.open(gate);
  const first = await (await post(`${gateway.url}/sse/${gate}`, key)).text();
  const replay = await post(`${gateway.url}/sse/${gate}`, key);
  expect(replay.headers.get('idempotent-replayed')).toBe('true');
  expect(replay.headers.get('content-type')).toBe('text/event-stream');
  expect(await replay.text()).toBe(first);
});

test('a client that leaves before the head stops nothing: its retry joins or replays the run', async () => {
  const key = freshKey();
  const gate = freshGate();
  const leaving = new AbortController();
  const left = post(`${gateway.url}/held/${gate}`, key, { signal: leaving.signal });
  await origin.arrived(gate);
  leaving.abort();
  await expect(left).rejects.toThrow();
  await origin.open(gate);
  const retry = await post(`${gateway.url}/held/${gate}`, key);
  expect(await retry.json()).toEqual({ run: 1 });
  expect(await origin.runs(key)).toHaveLength(1);
});

test('a client that leaves mid-stream can come back for all of it', async () => {
  const key = freshKey();
  const gate = freshGate();
  const leaving = new AbortController();
  const left = await post(`${gateway.url}/sse/${gate}`, key, { signal: leaving.signal });
  await left.body?.getReader().read();
  leaving.abort();
  await origin.open(gate);
  const retry = await post(`${gateway.url}/sse/${gate}`, key);
  expect(await retry.text()).toBe('data: first of run 1\n\ndata: last\n\n');
  expect(await origin.runs(key)).toHaveLength(1);
});

test.each(['?length', '?chunked'])(
  'the end is held back until the response is recorded (%s)',
  async (how) => {
    const key = freshKey();
    const gate = freshGate();
    const first = await post(`${gateway.url}/held-body/${gate}${how}`, key);
    await origin.open(gate);
    expect(await first.text()).toBe('run 1 begins\nrun ends\n');
    const replay = await post(`${gateway.url}/held-body/${gate}${how}`, key);
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
  },
);

test('a length that the upstream announced reaches the client of a stream', async () => {
  const gate = freshGate();
  const response = await post(`${gateway.url}/held-body/${gate}?length`, freshKey());
  expect(response.headers.get('content-length')).toBe('22');
  await origin.open(gate);
  await response.text();
});

test('everyone who joined a run that fails gets its failure, and only a retry runs again', async () => {
  const key = freshKey();
  const gate = freshGate();
  const url = `${gateway.url}/held/${gate}?status=500`;
  const first = post(url, key);
  await origin.arrived(gate);
  const joined = Array.from({ length: 5 }, () => post(url, key));
  // Requests on one connection after the other: when this one is answered, those above have joined.
  expect((await post(url, key, { headers: { prefer: 'wait=0' } })).status).toBe(409);
  await origin.open(gate);
  for (const response of await Promise.all([first, ...joined])) {
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ run: 1 });
  }
  expect(await origin.runs(key)).toHaveLength(1);
  expect(await (await post(url, key)).json()).toEqual({ run: 2 });
});

test('an upstream that resets before its head is a 502, and `retry` runs the request again', async () => {
  const key = freshKey();
  const first = await post(`${gateway.url}/reset/before-head`, key);
  expect(first.status).toBe(502);
  expect(first.headers.get('cache-status')).toBe('oncegate; fwd=miss; detail=unknown');
  expect(await first.json()).toMatchObject({
    type: `${gateway.url}/_oncegate/problems/upstream-unreachable`,
    key,
  });
  expect(await (await post(`${gateway.url}/reset/before-head`, key)).json()).toEqual({ run: 2 });
});

test('with `refuse`, an unknown outcome is refused and nothing runs a second time', async () => {
  const key = freshKey();
  expect((await post(`${gateway.url}/refuse/reset/before-head`, key)).status).toBe(502);
  for (let retry = 0; retry < 2; retry += 1) {
    const refused = await post(`${gateway.url}/refuse/reset/before-head`, key);
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({
      type: `${gateway.url}/_oncegate/problems/outcome-unknown`,
      key,
    });
  }
  expect(await origin.runs(key)).toHaveLength(1);
});

test.each(['length', 'chunked'])(
  'a body that the upstream cuts off (%s) reaches the client broken, not ended',
  async (how) => {
    const key = freshKey();
    await expect(wholeText(post(`${gateway.url}/reset/${how}`, key))).rejects.toThrow();
    expect(await (await post(`${gateway.url}/reset/${how}`, key)).json()).toEqual({ run: 2 });
  },
);

test('with `refuse`, a body that was cut off is an unknown outcome', async () => {
  const key = freshKey();
  await expect(wholeText(post(`${gateway.url}/refuse/reset/chunked`, key))).rejects.toThrow();
  expect((await post(`${gateway.url}/refuse/reset/chunked`, key)).status).toBe(409);
  expect(await origin.runs(key)).toHaveLength(1);
});

test('a truncated stream breaks for those who joined it too', async () => {
  const key = freshKey();
  const gate = freshGate();
  const first = await post(`${gateway.url}/held-body/${gate}?truncate`, key);
  const joined = await post(`${gateway.url}/held-body/${gate}?truncate`, key);
  expect(joined.headers.get('cache-status')).toBe('oncegate; fwd=miss; collapsed');
  await origin.open(gate);
  await expect(first.text()).rejects.toThrow();
  await expect(joined.text()).rejects.toThrow();
});

test('an upstream that says nothing in time is a 504, before its head', async () => {
  const key = freshKey();
  const first = await post(`${gateway.url}/impatient/silent/head`, key);
  expect(first.status).toBe(504);
  expect(await first.json()).toMatchObject({ type: `${gateway.url}/_oncegate/problems/upstream-timeout` });
  expect(await (await post(`${gateway.url}/impatient/silent/head`, key)).json()).toEqual({ run: 2 });
});

test('an upstream that falls silent in its body breaks the response, and the outcome is unknown', async () => {
  const key = freshKey();
  const first = await post(`${gateway.url}/impatient-refuse/silent/body`, key);
  await expect(first.text()).rejects.toThrow();
  expect((await post(`${gateway.url}/impatient-refuse/silent/body`, key)).status).toBe(409);
});

test.each([
  ['a failure', '?status=500'],
  ['a redirect', '?status=307'],
  ['no response, says the edge', '?status=520'],
  ['a success that is too large to record', ''],
])('an endless response that nobody reads any more is closed at the origin: %s', async (_, query) => {
  const name = freshGate();
  const leaving = new AbortController();
  const response = await post(`${gateway.url}/small/endless/${name}${query}`, freshKey(), {
    signal: leaving.signal,
  });
  const reader = response.body?.getReader();
  for (let bytes = 0; bytes < 2_000_000; ) bytes += (await reader?.read())?.value?.byteLength ?? Number.NaN;
  leaving.abort();
  await origin.closed(name);
});

test.each(['?held&status=500', '?held'])(
  'an endless response whose client has left before its head is closed at the origin (%s)',
  async (query) => {
    const name = freshGate();
    const leaving = new AbortController();
    const left = post(`${gateway.url}/small/endless/${name}${query}`, freshKey(), { signal: leaving.signal });
    await origin.arrived(name);
    leaving.abort();
    await expect(left).rejects.toThrow();
    await origin.open(name);
    await origin.closed(name);
  },
);
