import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway } from '../node/harness/gateway.ts';
import { freshKey, post } from '../node/harness/request.ts';
import { skipped } from './chromium.ts';
import { send } from './cors-page.ts';
import { type CorsWorld, keyed, runs, startCorsWorld } from './cors-world.ts';

describe.skipIf(skipped)('a page of another origin', () => {
  let world: CorsWorld;

  beforeAll(async () => {
    world = await startCorsWorld();
  });

  afterAll(() => world?.stop());

  test('passes the preflight, though the upstream’s list has no place for the key', async () => {
    expect(await send(world.page, `${world.gateway.url}/unaware/preflight`, keyed(freshKey()))).toMatchObject(
      {
        kind: 'error',
        error: expect.stringContaining('Failed to fetch'),
      },
    );
    expect(
      await send(world.page, `${world.gateway.url}/own/plain/preflight`, keyed(freshKey())),
    ).toMatchObject({
      status: 200,
      body: '{"run":1}',
    });
  });

  test('reads first run, join and replay, with credentials, and so does a page of the other origin', async () => {
    const other = await world.site.open(world.browser, world.site.origins[1]);
    const key = freshKey();
    const path = `/held/${key}`;
    const ask = (asking: Page) =>
      send(asking, `${world.gateway.url}/own/plain${path}`, keyed(key, { credentials: 'include' }));
    const first = ask(world.page);
    await world.unaware.arrived(path);
    const joined = ask(other);
    world.unaware.open(path);
    const outcomes = [await first, await joined, await ask(other), await ask(world.page), await ask(other)];
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
    expect(runs(world.unaware, path)).toBe(1);
    await other.close();
  });

  test('reads that it joined a run from the head that is here already', async () => {
    const key = freshKey();
    const path = `/stream/${key}`;
    const url = `${world.gateway.url}/own/plain${path}`;
    const first = await post(url, key);
    const joined: Promise<string | null> = world.page.evaluate(
      `fetch(${JSON.stringify(url)}, ${JSON.stringify(keyed(key))})
        .then((response) => response.headers.get('cache-status'))`,
    );
    expect(await joined).toBe('oncegate; fwd=miss; collapsed');
    world.unaware.open(path);
    await first.text();
  });

  test('is refused where it is not listed, before anything gets to the upstream', async () => {
    const outcome = await send(world.page, `${world.gateway.url}/nobody/refused`, keyed(freshKey()));
    expect(outcome).toMatchObject({ kind: 'error' });
    expect(world.unaware.requests.filter((request) => request.endsWith(' /refused'))).toEqual([]);
  });

  test('under * reads everything without credentials, and nothing with them', async () => {
    const url = `${world.gateway.url}/every/every`;
    expect(await send(world.page, url, keyed(freshKey()))).toMatchObject({ status: 200 });
    expect(await send(world.page, url, keyed(freshKey(), { credentials: 'include' }))).toMatchObject({
      kind: 'error',
    });
  });

  test('that is a sandboxed frame, of no origin, reads under * and is refused where origins are listed', async () => {
    const frame = world.page.frames()[1];
    if (frame === undefined) throw new Error('the page has no frame');
    const script = (path: string): Promise<string> =>
      frame.evaluate(
        `fetch(${JSON.stringify(world.gateway.url + path)}, ${JSON.stringify(keyed(freshKey()))})
          .then((response) => response.text(), (error) => error.name)`,
      );
    expect(await frame.evaluate('origin')).toBe('null');
    expect(await script('/every/frame')).toBe('{"run":1}');
    expect(await script('/own/plain/frame')).toBe('TypeError');
  });

  test('reads that no route matches', async () => {
    expect(await send(world.page, `${world.gateway.url}/elsewhere`, keyed(freshKey()))).toMatchObject({
      status: 404,
    });
  });

  test('reads that the configuration is invalid', async () => {
    const misconfigured = await startGateway({ vars: { UPSTREAM_URL: 'nowhere' } });
    try {
      expect(await send(world.page, `${misconfigured.url}/x`, keyed(freshKey()))).toMatchObject({
        status: 500,
      });
    } finally {
      await misconfigured.stop();
    }
  });

  test('that sends credentials reads no problem where CORS is the upstream’s', async () => {
    const sent = keyed('a b', { credentials: 'include' });
    expect(await send(world.page, `${world.gateway.url}/theirs/plain/x`, sent)).toMatchObject({
      kind: 'error',
    });
  });

  test('reads a replay of what it ran itself, and no other page does, where CORS is the upstream’s', async () => {
    const other = await world.site.open(world.browser, world.site.origins[1]);
    const url = `${world.gateway.url}/theirs/plain/recorded`;
    const key = freshKey();
    const [first, replay] = [
      await send(world.page, url, keyed(key)),
      await send(world.page, url, keyed(key)),
    ];
    expect([first, replay]).toMatchObject([{ body: '{"run":1}' }, { body: '{"run":1}' }]);
    expect(await send(other, url, keyed(key))).toMatchObject({ kind: 'error' });
    await other.close();
  });
});
