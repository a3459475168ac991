import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { idempotentFetch, RetriesExhaustedError } from '../../../src/client/index.ts';

const url = 'http://api.example/reports?year=2026';
const at = 'http://api.example/_oncegate/results/reports?year=2026';
const post = {
  method: 'POST',
  body: '{"year":2026}',
  headers: { authorization: 'Bearer a', 'content-type': 'application/json', 'idempotency-key': 'k' },
};

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function accepted(location = at): Response {
  const headers = { location, 'preference-applied': 'respond-async', 'retry-after': '2' };
  return new Response('{"status":"running"}', { status: 202, headers });
}

function absent(): Response {
  const type = 'http://api.example/_oncegate/problems/result-absent';
  return Response.json({ type }, { status: 404 });
}

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly atMs: number;
}

/** A transport that gives these answers in turn, the last one for ever. `null`: there is no network. */
function answering(...answers: readonly (() => Response | null)[]) {
  const sent: Sent[] = [];
  const from = Date.now();
  const transport = async (input: unknown, init?: RequestInit) => {
    const { method = 'GET', headers } = init ?? {};
    sent.push({ method, url: String(input), headers: new Headers(headers), atMs: Date.now() - from });
    const answer = (answers[sent.length - 1] ?? answers.at(-1))?.() ?? null;
    if (answer === null) throw new TypeError('no network');
    return answer;
  };
  return { sent, transport: transport as typeof fetch };
}

test('it asks for the result with the same key and credentials, no sooner than it is told to, until it is there', async () => {
  const { sent, transport } = answering(
    accepted,
    accepted,
    () => null,
    () => new Response('done'),
  );
  const call = idempotentFetch({ fetch: transport, async: true })(url, post);
  await vi.runAllTimersAsync();
  expect(await (await call).text()).toBe('done');
  expect(sent.map(({ method, url: to }) => `${method} ${to}`)).toEqual([
    `POST ${url}`,
    `GET ${at}`,
    `GET ${at}`,
    `GET ${at}`,
  ]);
  expect(sent[0]?.headers.get('prefer')).toBe('respond-async, wait=10');
  for (const { headers } of sent.slice(1)) {
    expect(headers.get('authorization')).toBe('Bearer a');
    expect(headers.get('idempotency-key')).toBe('k');
    expect([headers.has('prefer'), headers.has('content-type')]).toEqual([false, false]);
  }
  expect(sent[1]?.atMs).toBeGreaterThanOrEqual(2_000);
  expect(sent[2]?.atMs).toBeGreaterThanOrEqual(4_000);
});

test('where there is no result, the request is sent again', async () => {
  const { sent, transport } = answering(accepted, absent, () => new Response('done'));
  const call = idempotentFetch({ fetch: transport, async: true })(url, post);
  await vi.runAllTimersAsync();
  expect(await (await call).text()).toBe('done');
  expect(sent.map(({ method }) => method)).toEqual(['POST', 'GET', 'POST']);
});

test.each([
  ['the option is not set', {}, () => accepted()],
  ['the location is at another origin', { async: true }, () => accepted('http://other.example/results')],
  [
    'nobody says that the preference was applied',
    { async: true },
    () => new Response(null, { status: 202, headers: { location: at } }),
  ],
])('a 202 is returned as it is where %s', async (_, options, answer) => {
  const { sent, transport } = answering(answer);
  const response = await idempotentFetch({ fetch: transport, ...options })(url, post);
  expect(response.status).toBe(202);
  expect(sent).toHaveLength(1);
});

test.each([
  ['that does not come', 'timeout', accepted],
  ['from a server that is gone', 'network', () => null],
] as const)(
  'a result %s ends with the time for the whole call, and the error has the key',
  async (_, reason, then) => {
    const { transport } = answering(accepted, then);
    const call = idempotentFetch({ fetch: transport, async: true, totalTimeoutMs: 60_000 })(url, post);
    const outcome = expect(call).rejects.toMatchObject({ name: 'RetriesExhaustedError', reason, key: 'k' });
    await vi.advanceTimersByTimeAsync(61_000);
    await outcome;
  },
);

test('a server that says nothing for a quarter of an hour is taken for gone', async () => {
  const { sent, transport } = answering(accepted, () => null);
  const call = idempotentFetch({ fetch: transport, async: true })(url, post);
  const outcome = expect(call).rejects.toBeInstanceOf(RetriesExhaustedError);
  await vi.advanceTimersByTimeAsync(17 * 60_000);
  await outcome;
  expect(sent.at(-1)?.atMs).toBeGreaterThan(14 * 60_000);
});

test('who waits for a result may stop waiting', async () => {
  const { transport } = answering(accepted);
  const controller = new AbortController();
  const call = idempotentFetch({ fetch: transport, async: true })(url, {
    ...post,
    signal: controller.signal,
  });
  const outcome = expect(call).rejects.toThrow('enough');
  await vi.advanceTimersByTimeAsync(10_000);
  controller.abort(new Error('enough'));
  await outcome;
});
