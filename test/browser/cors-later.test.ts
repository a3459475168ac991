import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshKey } from '../node/harness/request.ts';
import { skipped } from './chromium.ts';
import { send, withClient } from './cors-page.ts';
import { type CorsWorld, keyed, MODES, runs, startCorsWorld } from './cors-world.ts';

/** What the page's client is made of: it does not wait before it comes back, and tells what it hears. */
const CLIENT = `
  const heard = [];
  const transport = async (input, init) => {
    const headers = new Headers(init.headers);
    if (headers.has('prefer')) headers.set('prefer', 'respond-async');
    const method = init.method ?? 'GET';
    try {
      const response = await fetch(input, { ...init, headers });
      heard.push(method + ' ' + response.status);
      await tell(method + ' ' + response.status);
      return response;
    } catch (error) {
      await tell('no network');
      throw error;
    }
  };
  const fetchOnce = idempotentFetch({ async: true, baseDelayMs: 10, maxRetryAfterMs: 20, fetch: transport });`;

describe.skipIf(skipped)('a page of another origin that comes back for a result', () => {
  let world: CorsWorld;

  beforeAll(async () => {
    world = await startCorsWorld();
  });

  afterAll(() => world?.stop());

  /** A page of its own, and what its client tells. */
  async function openPage() {
    const page = await world.site.open(world.browser, world.site.origins[0]);
    const told: string[] = [];
    await page.exposeFunction('tell', (what: string) => void told.push(what));
    return { page, told };
  }

  function asked(key: string, init: RequestInit = {}): string {
    const headers = {
      'idempotency-key': key,
      authorization: 'Bearer alice',
      'content-type': 'application/json',
    };
    return JSON.stringify(keyed(key, { body: '{"year":2026}', ...init, headers }));
  }

  test.each(MODES)('gets it, through a time without any network (%s)', async (mode) => {
    const { page, told } = await openPage();
    const key = freshKey();
    const path = `/held/${key}`;
    const upstream = world.upstreamOf(mode);
    // Where CORS is the upstream’s, a page with credentials of the browser’s own reads nothing that the
    // gateway says itself.
    const init = asked(key, mode === 'own' ? { credentials: 'include' } : {});
    const result = withClient<{ status: number; text: string; replayed: string | null; heard: string[] }>(
      page,
      `${CLIENT}
      const response = await fetchOnce('${world.gateway.url}/${mode}/later${path}', ${init});
      const replayed = response.headers.get('idempotent-replayed');
      return { status: response.status, text: await response.text(), replayed, heard };`,
    );
    await expect.poll(() => told, { timeout: 20_000 }).toContain('GET 202');
    await page.context().setOffline(true);
    const before = told.length;
    await expect
      .poll(() => told.slice(before).filter((what) => what === 'no network').length, { timeout: 20_000 })
      .toBeGreaterThan(2);
    upstream.open(path);
    await page.context().setOffline(false);
    const { heard, ...response } = await result;
    expect(response).toEqual({ status: 200, text: '{"run":1}', replayed: mode === 'own' ? 'true' : null });
    expect([...new Set(heard)]).toEqual(['POST 202', 'GET 202', 'GET 200']);
    expect(runs(upstream, path)).toBe(1);
    // The upstream is asked of its own addresses only.
    expect(upstream.requests.filter((request) => request.includes('_oncegate'))).toEqual([]);
    await page.close();
  });

  test('that is loaded anew in the meantime gets it with the same key, and it ran once', async () => {
    const { page, told } = await openPage();
    const key = freshKey();
    const path = `/held/${key}`;
    const script = `${CLIENT}
      const response = await fetchOnce('${world.gateway.url}/own/later${path}', ${asked(key)});
      return { status: response.status, text: await response.text() };`;
    const gone = withClient(page, script).catch(() => 'gone');
    await expect.poll(() => told, { timeout: 20_000 }).toContain('GET 202');
    await page.reload({ waitUntil: 'load' });
    expect(await gone).toBe('gone');
    told.length = 0;
    const result = withClient(page, script);
    await expect.poll(() => told, { timeout: 20_000 }).toContain('GET 202');
    world.unaware.open(path);
    expect(await result).toEqual({ status: 200, text: '{"run":1}' });
    expect(runs(world.unaware, path)).toBe(1);
    await page.close();
  });

  test('reads where to come back, and when', async () => {
    const key = freshKey();
    const path = `/held/${key}`;
    for (const mode of MODES) {
      const url = `${world.gateway.url}/${mode}/later${path}`;
      const headers = { 'idempotency-key': key, prefer: 'respond-async' };
      const accepted = await send(world.page, url, { method: 'POST', headers });
      expect(accepted).toMatchObject({
        kind: 'response',
        status: 202,
        headers: {
          location: `${world.gateway.url}/_oncegate/results/${mode}/later${path}`,
          'preference-applied': 'respond-async',
          'retry-after': '2',
        },
      });
      world.upstreamOf(mode).open(path);
    }
  });

  test('is told why there is none; a page that is not listed reads nothing where the gateway does CORS', async () => {
    const headers = { 'idempotency-key': freshKey() };
    // A sandboxed frame has no origin that could be listed.
    const frame = world.page.frames()[1];
    if (frame === undefined) throw new Error('the page has no frame');
    for (const mode of MODES) {
      const url = `${world.gateway.url}/_oncegate/results/${mode}/later/x`;
      expect(await send(world.page, url, { headers })).toMatchObject({ kind: 'response', status: 404 });
      const read = `fetch(${JSON.stringify(url)}, ${JSON.stringify({ headers })})
        .then(({ status }) => status, (error) => error.name)`;
      expect(await frame.evaluate(read)).toBe(mode === 'own' ? 'TypeError' : 404);
    }
  });
});
