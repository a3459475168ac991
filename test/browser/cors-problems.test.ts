import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshKey, post } from '../node/harness/request.ts';
import { skipped } from './chromium.ts';
import { type Outcome, send } from './cors-page.ts';
import { type CorsWorld, keyed, MODES, type Mode, startCorsWorld } from './cors-world.ts';

describe.skipIf(skipped)('a page of another origin', () => {
  let world: CorsWorld;

  beforeAll(async () => {
    world = await startCorsWorld();
  });

  afterAll(() => world?.stop());

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
        await fetch(`${world.gateway.url}/_fault/ledger`, { method: 'POST' });
        try {
          return await ask('/plain/x', keyed(freshKey()));
        } finally {
          await fetch(`${world.gateway.url}/_fault/ledger`, { method: 'DELETE' });
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
    await world.upstreamOf(mode).arrived(`/held/${key}`);
    const outcome = await then(`/strict/held/${key}`);
    world.upstreamOf(mode).open(`/held/${key}`);
    await (await running).text();
    return outcome;
  }

  const cases = MODES.flatMap((mode) => PROBLEMS.map((problem) => [mode, ...problem] as const));

  test.each(cases)('reads, where CORS is %s, the problem %s, %d', async (mode, slug, status, provoke) => {
    // With credentials where the gateway does CORS: without that, a problem is for pages that send none.
    const credentials = mode === 'own' ? 'include' : 'omit';
    const url = `${world.gateway.url}/${mode}`;
    const outcome = await provoke(
      (path, init) => send(world.page, url + path, { ...init, credentials }),
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
});
