import { describe, expect, test } from 'vitest';
import { replayed, sendJson } from '../harness/json-request.ts';
import { freshGate, freshKey } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();
const gateway = useGateway(() => ({
  vars: {
    LEDGER_SHARDS: 1,
    UPSTREAM_URL: origin.url,
    KEY_FROM: 'json:/idempotency_key',
    ROUTES: [{ path: '/key-alone/*', stripPrefix: '/key-alone', fingerprint: 'none' }],
  },
}));

function send(path: string, body: object | string, init?: RequestInit): Promise<Response> {
  return sendJson(`${gateway.url}${path}`, body, init);
}

describe('where the key alone says which request it is', () => {
  test('a retry may differ in its body, its path and its method', async () => {
    const idempotency_key = freshKey();
    const first = await send('/key-alone/count', { idempotency_key, attempt: 1 });
    const later = await send(
      '/key-alone/count/elsewhere?a=b',
      { attempt: 2, idempotency_key },
      { method: 'PATCH' },
    );
    expect([replayed(first), replayed(later)]).toEqual([false, true]);
    expect(await later.json()).toEqual(await first.json());
  });

  test('it joins what runs, though it differs', async () => {
    const [gate, idempotency_key] = [freshGate(), freshKey()];
    const first = send(`/key-alone/held/${gate}`, { idempotency_key, attempt: 1 });
    await origin.arrived(gate);
    const second = send(`/key-alone/held/${gate}`, { idempotency_key, attempt: 2 });
    await origin.open(gate);
    expect(await (await second).json()).toEqual(await (await first).json());
  });

  test('it is refused with other cookies beside its credentials, as nobody gets what was made for somebody else', async () => {
    const idempotency_key = freshKey();
    const as = (session: string) => ({ headers: { authorization: 'app', cookie: `session=${session}` } });
    await send('/key-alone/count', { idempotency_key, attempt: 1 }, as('alice'));
    const other = await send('/key-alone/count', { idempotency_key, attempt: 2 }, as('mallory'));
    expect(other.status).toBe(422);
    expect((await other.json()).detail).toContain('with other credentials');
    expect(replayed(await send('/key-alone/count', { idempotency_key, attempt: 3 }, as('alice')))).toBe(true);
  });
});
