import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBrokenNetwork } from '../node/harness/broken-network.ts';
import { freshKey, post } from '../node/harness/request.ts';
import { skipped } from './chromium.ts';
import { withClient } from './cors-page.ts';
import { type CorsWorld, keyed, MODES, runs, startCorsWorld } from './cors-world.ts';

describe.skipIf(skipped)('the client library in a page of another origin', () => {
  let world: CorsWorld;

  beforeAll(async () => {
    world = await startCorsWorld();
  });

  afterAll(() => world?.stop());

  test.each(MODES)('sends a 422 once, and gets it (%s)', async (mode) => {
    const key = freshKey();
    const url = `${world.gateway.url}/${mode}/plain/reused`;
    await post(url, key, { body: 'a' });
    const result = await withClient(
      world.page,
      `let sent = 0;
      const fetchOnce = idempotentFetch({ baseDelayMs: 1, fetch: (...all) => { sent += 1; return fetch(...all); } });
      const response = await fetchOnce(${JSON.stringify(url)}, ${JSON.stringify(keyed(key, { body: 'b' }))});
      return { status: response.status, sent };`,
    );
    expect(result).toEqual({ status: 422, sent: 1 });
  });

  test.each(MODES)('waits as long as Retry-After says, and gets the result (%s)', async (mode) => {
    const key = freshKey();
    const upstream = world.upstreamOf(mode);
    const url = `${world.gateway.url}/${mode}/strict/held/${key}`;
    // Where CORS is the upstream's, what is recorded can be read by pages of the origin that it was recorded
    // for.
    const running = post(url, key, { headers: { origin: world.site.origins[0] } });
    await upstream.arrived(`/held/${key}`);
    await world.page.exposeFunction(`open_${mode}`, () => upstream.open(`/held/${key}`));
    const result = await withClient(
      world.page,
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
    const network = await startBrokenNetwork(world.gateway.url, 'told');
    const key = freshKey();
    const path = `/stream/${key}`;
    await world.page.exposeFunction('breakNetwork', () => {
      network.break();
      world.unaware.open(path);
    });
    const result = await withClient(
      world.page,
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
    expect(runs(world.unaware, path)).toBe(1);
    network.close();
  });

  test('leaves a broken stream to its reader where it cannot see that it is recorded', async () => {
    const network = await startBrokenNetwork(world.gateway.url, 'told');
    const key = freshKey();
    const path = `/stream/${key}`;
    await world.page.exposeFunction('breakOtherNetwork', () => network.break());
    const result = await withClient(
      world.page,
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
    world.aware.open(path);
    network.close();
  });

  test('takes what it may not read for a network error, and has it run once all the same', async () => {
    const key = freshKey();
    const other = 'https://first.example';
    await post(`${world.gateway.url}/theirs/plain/unreadable`, key, { headers: { origin: other } });
    const result = await withClient(
      world.page,
      `const fetchOnce = idempotentFetch({ baseDelayMs: 1, maxRetries: 2 });
      return fetchOnce('${world.gateway.url}/theirs/plain/unreadable', ${JSON.stringify(keyed(key))}).then(
        ({ status }) => ({ status }),
        ({ name, reason, attempts, key }) => ({ name, reason, attempts, key }),
      );`,
    );
    expect(result).toEqual({ name: 'RetriesExhaustedError', reason: 'network', attempts: 3, key });
    expect(runs(world.aware, '/unreadable')).toBe(1);
  });
});
