import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBrokenNetwork } from '../e2e/harness/broken-network.ts';
import { startGateway } from '../e2e/harness/gateway.ts';
import type { RunningScript } from '../e2e/harness/process.ts';
import { type ReflectingUpstream, startReflectingUpstream } from '../e2e/harness/reflecting-upstream.ts';
import { freshKey, post } from '../e2e/harness/request.ts';
import { launch, skipped } from './chromium.ts';
import { type Outcome, type PageServer, send, startPageServer, withClient } from './cors-page.ts';

/** Routes whose CORS is the gateway's, and the same with that of the upstream. */
const MODES = ['own', 'theirs'] as const;
type Mode = (typeof MODES)[number];

describe.skipIf(skipped)('a page of another origin', () => {
  /** Its preflights know nothing of idempotency keys. */
  let unaware: ReflectingUpstream;
  /** Its preflights allow them. */
  let aware: ReflectingUpstream;
  let site: PageServer;
  let gateway: RunningScript;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    [unaware, aware, site, browser] = await Promise.all([
      startReflectingUpstream({ allowedHeaders: 'content-type' }),
      startReflectingUpstream({ allowedHeaders: 'content-type, idempotency-key' }),
      startPageServer(),
      launch(),
    ]);
    const routes = [
      {
        name: 'strict',
        concurrent: 'reject',
        unknownOutcome: 'refuse',
        maxRequestBytes: 10,
        maxRecordBytes: 100,
        maxRunningPerCaller: 1,
        shards: 1,
      },
      { name: 'quick', upstreamTimeoutSeconds: 1 },
      { name: 'plain' },
    ];
    gateway = await startGateway({
      faulty: true,
      vars: {
        ROUTES: [
          ...MODES.flatMap((mode) =>
            routes.map(({ name, ...settings }) => ({
              ...settings,
              path: `/${mode}/${name}/*`,
              stripPrefix: `/${mode}/${name}`,
              upstream: mode === 'own' ? unaware.url : aware.url,
              corsOrigins: mode === 'own' ? site.origins : 'none',
            })),
          ),
          { path: '/every/*', stripPrefix: '/every', upstream: unaware.url, corsOrigins: '*' },
          {
            path: '/nobody/*',
            stripPrefix: '/nobody',
            upstream: unaware.url,
            corsOrigins: 'https://x.example',
          },
          { path: '/unaware/*', stripPrefix: '/unaware', upstream: unaware.url },
        ],
      },
    });
    page = await site.open(browser, site.origins[0]);
  });

  afterAll(async () => {
    await browser?.close();
    await gateway?.stop();
    await Promise.all([unaware, aware, site].map((server) => server?.[Symbol.asyncDispose]()));
  });

  const keyed = (key: string, init: RequestInit = {}): RequestInit => ({
    method: 'POST',
    headers: { 'idempotency-key': key },
    ...init,
  });
  const upstreamOf = (mode: Mode) => (mode === 'own' ? unaware : aware);
  const runs = (upstream: ReflectingUpstream, path: string) =>
    upstream.requests.filter((request) => request === `POST ${path}`).length;

  test('passes the preflight, though the upstream’s list has no place for the key', async () => {
    expect(await send(page, `${gateway.url}/unaware/preflight`, keyed(freshKey()))).toMatchObject({
      kind: 'error',
      error: expect.stringContaining('Failed to fetch'),
    });
    expect(await send(page, `${gateway.url}/own/plain/preflight`, keyed(freshKey()))).toMatchObject({
      status: 200,
      body: '{"run":1}',
    });
  });

  test('reads first run, join and replay, with credentials, and so does a page of the other origin', async () => {
    const other = await site.open(browser, site.origins[1]);
    const key = freshKey();
    const path = `/held/${key}`;
    const ask = (asking: Page) =>
      send(asking, `${gateway.url}/own/plain${path}`, keyed(key, { credentials: 'include' }));
    const first = ask(page);
    await unaware.arrived(path);
    const joined = ask(other);
    unaware.open(path);
    const outcomes = [await first, await joined, await ask(other), await ask(page), await ask(other)];
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 200, body: '{"run":1}' });
      expect(outcome).toHaveProperty(['headers', 'x-request-id'], 'request-1');
    }
    expect(outcomes[0]).toHaveProperty(['headers', 'cache-status'], 'oncegate; fwd=miss; stored');
    for (const outcome of outcomes.slice(2)) {
      expect(outcome).toHaveProperty(['headers', 'idempotent-replayed'], 'true');
      expect(outcome).toHaveProperty(
        ['headers', 'cache-status'],
        expect.stringMatching(/^oncegate; hit; ttl=/),
      );
    }
    expect(runs(unaware, path)).toBe(1);
    await other.close();
  });

  test('reads that it joined a run from the head that is here already', async () => {
    const key = freshKey();
    const path = `/stream/${key}`;
    const url = `${gateway.url}/own/plain${path}`;
    const first = await post(url, key);
    const joined: Promise<string | null> = page.evaluate(
      `fetch(${JSON.stringify(url)}, ${JSON.stringify(keyed(key))})
        .then((response) => response.headers.get('cache-status'))`,
    );
    expect(await joined).toBe('oncegate; fwd=miss; collapsed');
    unaware.open(path);
    await first.text();
  });

  test('is refused where it is not listed, before anything gets to the upstream', async () => {
    const outcome = await send(page, `${gateway.url}/nobody/refused`, keyed(freshKey()));
    expect(outcome).toMatchObject({ kind: 'error' });
    expect(unaware.requests.filter((request) => request.endsWith(' /refused'))).toEqual([]);
  });

  test('under * reads everything without credentials, and nothing with them', async () => {
    const url = `${gateway.url}/every/every`;
    expect(await send(page, url, keyed(freshKey()))).toMatchObject({ status: 200 });
    expect(await send(page, url, keyed(freshKey(), { credentials: 'include' }))).toMatchObject({
      kind: 'error',
    });
  });

  test('that is a sandboxed frame, of no origin, reads under * and is refused where origins are listed', async () => {
    const frame = page.frames()[1];
    if (frame === undefined) throw new Error('the page has no frame');
    const script = (path: string): Promise<string> =>
      frame.evaluate(
        `fetch(${JSON.stringify(gateway.url + path)}, ${JSON.stringify(keyed(freshKey()))})
          .then((response) => response.text(), (error) => error.name)`,
      );
    expect(await frame.evaluate('origin')).toBe('null');
    expect(await script('/every/frame')).toBe('{"run":1}');
    expect(await script('/own/plain/frame')).toBe('TypeError');
  });

  /** How each problem is brought about, and by which path the page then meets it. */
  const PROBLEMS: [
    slug: string,
    status: number,
    provoke: (
      ask: (path: string, init: RequestInit) => Promise<Outcome>,
      url: string,
      mode: Mode,
    ) => Promise<Outcome>,
  ][] = [
    ['key-missing', 400, (ask) => ask('/plain/x', { method: 'POST' })],
    ['key-invalid', 400, (ask) => ask('/plain/x', keyed('a b'))],
    ['body-too-large', 413, (ask) => ask('/strict/x', keyed(freshKey(), { body: 'too long for it' }))],
    [
      'key-reused',
      422,
      async (ask, url) => {
        const key = freshKey();
        await post(`${url}/plain/reused`, key, { body: 'a' });
        return ask('/plain/reused', keyed(key, { body: 'b' }));
      },
    ],
    [
      'in-progress',
      409,
      async (ask, url, mode) => {
        const key = freshKey();
        return whileHeld(url, mode, key, (path) => ask(path, keyed(key)));
      },
    ],
    [
      'caller-limit',
      429,
      (ask, url, mode) => whileHeld(url, mode, freshKey(), () => ask('/strict/x', keyed(freshKey()))),
    ],
    [
      'outcome-unknown',
      409,
      async (ask, url) => {
        const key = freshKey();
        await post(`${url}/strict/drop`, key);
        return ask('/strict/drop', keyed(key));
      },
    ],
    [
      'not-recorded',
      409,
      async (ask, url) => {
        const key = freshKey();
        await (await post(`${url}/strict/bytes/1000`, key)).text();
        return ask('/strict/bytes/1000', keyed(key));
      },
    ],
    ['upstream-unreachable', 502, (ask) => ask('/plain/drop', keyed(freshKey()))],
    ['upstream-timeout', 504, (ask) => ask('/quick/silent', keyed(freshKey()))],
    [
      'ledger-unavailable',
      503,
      async (ask) => {
        await fetch(`${gateway.url}/_fault/ledger`, { method: 'POST' });
        try {
          return await ask('/plain/x', keyed(freshKey()));
        } finally {
          await fetch(`${gateway.url}/_fault/ledger`, { method: 'DELETE' });
        }
      },
    ],
  ];

  /** While a request with the key runs on the strict route. */
  async function whileHeld(
    url: string,
    mode: Mode,
    key: string,
    then: (path: string) => Promise<Outcome>,
  ): Promise<Outcome> {
    const running = post(`${url}/strict/held/${key}`, key);
    await upstreamOf(mode).arrived(`/held/${key}`);
    const outcome = await then(`/strict/held/${key}`);
    upstreamOf(mode).open(`/held/${key}`);
    await (await running).text();
    return outcome;
  }

  const cases = MODES.flatMap((mode) => PROBLEMS.map((problem) => [...problem, mode] as const));

  test.each(cases)('reads the problem %s, %d', async (slug, status, provoke, mode) => {
    // With credentials where the gateway does CORS: without that, a problem is for pages that send none.
    const credentials = mode === 'own' ? 'include' : 'omit';
    const url = `${gateway.url}/${mode}`;
    const outcome = await provoke(
      (path, init) => send(page, url + path, { ...init, credentials }),
      url,
      mode,
    );
    expect(outcome).toMatchObject({ kind: 'response', status });
    if (outcome.kind === 'error') return;
    const { type }: { type: string } = JSON.parse(outcome.body);
    expect(type.split('/').pop()).toBe(slug);
    expect(outcome.headers['cache-status']).toMatch(/^oncegate; /);
    expect(outcome.headers.link).toBe(`<${type}>; rel="describedby"`);
    const retryAfter = ['in-progress', 'caller-limit', 'ledger-unavailable'].includes(slug);
    expect(outcome.headers['retry-after'] ?? null).toEqual(
      retryAfter ? expect.stringMatching(/^\d+$/) : null,
    );
  });

  test('reads that no route matches', async () => {
    expect(await send(page, `${gateway.url}/elsewhere`, keyed(freshKey()))).toMatchObject({ status: 404 });
  });

  test('reads that the configuration is invalid', async () => {
    const misconfigured = await startGateway({ vars: { UPSTREAM_URL: 'nowhere' } });
    expect(await send(page, `${misconfigured.url}/x`, keyed(freshKey()))).toMatchObject({ status: 500 });
    await misconfigured.stop();
  });

  test('that sends credentials reads no problem where CORS is the upstream’s', async () => {
    const sent = keyed('a b', { credentials: 'include' });
    expect(await send(page, `${gateway.url}/theirs/plain/x`, sent)).toMatchObject({ kind: 'error' });
  });

  test('reads a replay of what it ran itself, and no other page does, where CORS is the upstream’s', async () => {
    const other = await site.open(browser, site.origins[1]);
    const url = `${gateway.url}/theirs/plain/recorded`;
    const key = freshKey();
    const [first, replay] = [await send(page, url, keyed(key)), await send(page, url, keyed(key))];
    expect([first, replay]).toMatchObject([{ body: '{"run":1}' }, { body: '{"run":1}' }]);
    expect(await send(other, url, keyed(key))).toMatchObject({ kind: 'error' });
    await other.close();
  });

  describe('with the client library', () => {
    test.each(MODES)('sends a 422 once, and gets it (%s)', async (mode) => {
      const key = freshKey();
      const url = `${gateway.url}/${mode}/plain/reused`;
      await post(url, key, { body: 'a' });
      const result = await withClient(
        page,
        `let sent = 0;
        const fetchOnce = idempotentFetch({ baseDelayMs: 1, fetch: (...all) => { sent += 1; return fetch(...all); } });
        const response = await fetchOnce(${JSON.stringify(url)}, ${JSON.stringify(keyed(key, { body: 'b' }))});
        return { status: response.status, sent };`,
      );
      expect(result).toEqual({ status: 422, sent: 1 });
    });

    test.each(MODES)('waits as long as Retry-After says, and gets the result (%s)', async (mode) => {
      const key = freshKey();
      const upstream = upstreamOf(mode);
      const url = `${gateway.url}/${mode}/strict/held/${key}`;
      // Where CORS is the upstream's, what is recorded can be read by pages of the origin that it was recorded for.
      const running = post(url, key, { headers: { origin: site.origins[0] } });
      await upstream.arrived(`/held/${key}`);
      await page.exposeFunction(`open_${mode}`, () => upstream.open(`/held/${key}`));
      const result = await withClient(
        page,
        `const delays = [];
        const onRetry = ({ delayMs }) => { delays.push(delayMs); open_${mode}(); };
        const fetchOnce = idempotentFetch({ baseDelayMs: 1, maxRetries: 20, onRetry });
        const response = await fetchOnce(${JSON.stringify(url)}, ${JSON.stringify(keyed(key))});
        return { status: response.status, delays: [...new Set(delays)] };`,
      );
      expect(result).toEqual({ status: 200, delays: [1000] });
      await (await running).text();
    });

    test('reads a stream to its end that broke in the middle, and it ran once', async () => {
      const network = await startBrokenNetwork(gateway.url, 'told');
      const key = freshKey();
      const path = `/stream/${key}`;
      await page.exposeFunction('breakNetwork', () => {
        network.break();
        unaware.open(path);
      });
      const result = await withClient(
        page,
        `const causes = [];
        const onRetry = ({ cause }) => causes.push(cause.kind);
        const fetchOnce = idempotentFetch({ baseDelayMs: 10, onRetry });
        const init = ${JSON.stringify(keyed(key, { credentials: 'include' }))};
        const response = await fetchOnce('${network.url}/own/plain${path}', init);
        let text = '';
        for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
          if (text === '') await breakNetwork();
          text += piece;
        }
        return { text, causes };`,
      );
      expect(result).toEqual({ text: 'data: first\n\ndata: last\n\n', causes: ['body'] });
      expect(runs(unaware, path)).toBe(1);
      network.close();
    });

    test('leaves a broken stream to its reader where it cannot see that it is recorded', async () => {
      const network = await startBrokenNetwork(gateway.url, 'told');
      const key = freshKey();
      const path = `/stream/${key}`;
      await page.exposeFunction('breakOtherNetwork', () => network.break());
      const result = await withClient(
        page,
        `let sent = 0;
        const fetchOnce = idempotentFetch({ baseDelayMs: 1, fetch: (...all) => { sent += 1; return fetch(...all); } });
        const response = await fetchOnce('${network.url}/theirs/plain${path}', ${JSON.stringify(keyed(key))});
        const reader = response.body.getReader();
        await reader.read();
        await breakOtherNetwork();
        const error = await reader.read().then(() => null, ({ name }) => name);
        return { error, sent };`,
      );
      expect(result).toEqual({ error: 'TypeError', sent: 1 });
      aware.open(path);
      network.close();
    });

    test('takes what it may not read for a network error, and has it run once all the same', async () => {
      const key = freshKey();
      const other = 'https://first.example';
      await post(`${gateway.url}/theirs/plain/unreadable`, key, { headers: { origin: other } });
      const result = await withClient(
        page,
        `const fetchOnce = idempotentFetch({ baseDelayMs: 1, maxRetries: 2 });
        return fetchOnce('${gateway.url}/theirs/plain/unreadable', ${JSON.stringify(keyed(key))}).then(
          ({ status }) => ({ status }),
          ({ name, reason, attempts, key }) => ({ name, reason, attempts, key }),
        );`,
      );
      expect(result).toEqual({ name: 'RetriesExhaustedError', reason: 'network', attempts: 3, key });
      expect(runs(aware, '/unreadable')).toBe(1);
    });
  });
});
