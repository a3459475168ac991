import { describe, expect, test } from 'vitest';
import { BEHALF_CARRIERS, CREDENTIAL_CARRIERS } from '../../workers/request/carriers.ts';
import { freshKey, post } from '../harness/request.ts';
import { useGateway, useOrigin } from '../harness/use.ts';

const origin = useOrigin();

const hostScript = `
  let runs = 0;
  export default { fetch(request) { runs += 1; return Response.json({ run: runs, host: request.headers.get('host') }); } };
`;

const gateway = useGateway(() => ({
  services: { BOUND: hostScript },
  vars: {
    LEDGER_SHARDS: 1,
    UPSTREAM_URL: origin.url,
    ROUTES: [
      { path: '/derived/*', key: 'derived', stripPrefix: '/derived' },
      { path: '/list/*', scopeFrom: 'x-user', stripPrefix: '/list' },
      { path: '/query/*', scopeFrom: 'query:key', stripPrefix: '/query' },
      { path: '/one/*', scopeFrom: 'none', stripPrefix: '/one' },
      { path: '/service/*', service: 'BOUND', stripPrefix: '/service' },
      { path: '/*' },
    ],
  },
}));

type Fields = Readonly<Record<string, string>>;

/** What a request with these fields got: another run, a replay, or a refusal. */
async function outcome(path: string, key: string, headers: Fields): Promise<string> {
  const response = await post(`${gateway.url}${path}`, key, { body: '{}', headers });
  if (response.headers.get('idempotent-replayed') === 'true') return 'replayed';
  const body = await response.text();
  if (response.ok) return 'ran';
  return `${response.status} ${JSON.parse(body).detail}`;
}

describe('what was recorded for one caller is for nobody else', () => {
  test.each([...CREDENTIAL_CARRIERS, ...BEHALF_CARRIERS])('with %s (%s)', async (field) => {
    const key = freshKey();
    const common: Fields = field === 'Authorization' ? {} : { authorization: 'Bearer app' };
    const fields = (value: string) => ({ ...common, [field]: value });
    expect(await outcome('/count', key, fields('a'))).toBe('ran');
    expect(await outcome('/count', key, fields('b'))).toBe('ran');
    expect(await outcome('/count', key, common)).toBe('ran');
    expect(await outcome('/count', key, fields('a'))).toBe('replayed');
  });
});

const OTHER_CREDENTIALS = /^422 .*with other credentials/;

describe.each([['x-api-key'], ['authorization']])(
  'with one %s of the whole app and a session for each user',
  (field) => {
    const user = (session: string): Fields => ({ [field]: 'Basic app', cookie: `session=${session}` });

    test('nobody gets what was answered to another session, and the first one still does', async () => {
      const key = freshKey();
      expect(await outcome('/cookies', key, user('alice'))).toBe('ran');
      expect(await outcome('/cookies', key, user('mallory'))).toMatch(OTHER_CREDENTIALS);
      expect(await outcome('/cookies', key, { [field]: 'Basic app' })).toMatch(OTHER_CREDENTIALS);
      expect(await outcome('/cookies', key, user('alice'))).toBe('replayed');
    });

    test('nobody joins the request of another session', async () => {
      const [key, gate] = [freshKey(), freshKey()];
      const running = outcome(`/held/${gate}`, key, user('alice'));
      await origin.arrived(gate);
      expect(await outcome(`/held/${gate}`, key, user('mallory'))).toMatch(OTHER_CREDENTIALS);
      await origin.open(gate);
      expect(await running).toBe('ran');
    });

    test('where the request is its own key, another session is another request', async () => {
      const path = `/derived/status/200?x=${freshKey()}`;
      const send = async (headers: Fields) => {
        const response = await fetch(`${gateway.url}${path}`, { method: 'POST', headers });
        return response.headers.get('idempotent-replayed');
      };
      expect(await send(user('alice'))).toBeNull();
      expect(await send(user('mallory'))).toBeNull();
      expect(await send({ [field]: 'Basic app' })).toBeNull();
      expect(await send(user('alice'))).toBe('true');
    });
  },
);

test('another body under other cookies is told as another request', async () => {
  const key = freshKey();
  const headers = { 'x-api-key': 'k', cookie: 'a=1' };
  await post(`${gateway.url}/count`, key, { body: '{}', headers });
  const response = await post(`${gateway.url}/count`, key, {
    body: '[]',
    headers: { ...headers, cookie: 'a=2' },
  });
  expect(await response.json()).toMatchObject({ detail: expect.stringContaining('for another request') });
});

test('an explicit list of fields means what it says', async () => {
  const key = freshKey();
  expect(await outcome('/list/count', key, { 'x-user': 'a', authorization: '1', cookie: 'x=1' })).toBe('ran');
  expect(await outcome('/list/count', key, { 'x-user': 'a', authorization: '2', cookie: 'x=2' })).toBe(
    'replayed',
  );
  expect(await outcome('/list/count', key, { 'x-user': 'b', authorization: '1', cookie: 'x=1' })).toBe('ran');
});

test('a parameter of the query can name the caller', async () => {
  const key = freshKey();
  expect(await outcome('/query/count?key=a', key, {})).toBe('ran');
  expect(await outcome('/query/count?key=b', key, {})).toBe('ran');
  expect(await outcome('/query/count?key=a', key, { cookie: 'x=1' })).toBe('replayed');
});

test('where all callers are one, they share results but no cookies', async () => {
  const key = freshKey();
  expect(await outcome('/one/cookies', key, { authorization: 'a' })).toBe('ran');
  const response = await post(`${gateway.url}/one/cookies`, key, {
    body: '{}',
    headers: { authorization: 'b' },
  });
  expect(response.headers.get('idempotent-replayed')).toBe('true');
  expect(response.headers.get('set-cookie')).toBeNull();
});

test.each([
  ['a service', '/service/x'],
  ['an upstream that is told the host', '/count'],
])('what %s answered under one host name is not replayed under another', async (_, path) => {
  const key = freshKey();
  const { port } = new URL(gateway.url);
  const send = (host: string) =>
    post(`http://${host}:${port}${path}`, key, { body: '{}' }).then((response) => response.status);
  expect(await send('127.0.0.1')).toBe(200);
  expect(await send('localhost')).toBe(422);
  expect(await send('127.0.0.1')).toBe(200);
});

test.each(['undefined', 'null', '[object Object]', '"None"', '00000000-0000-0000-0000-000000000000'])(
  'the key %s of a client that made none is refused, and nothing is sent',
  async (key) => {
    expect(await outcome('/count', key, {})).toMatch(/^400 .*made no key/);
    expect(await origin.runs(key)).toHaveLength(0);
  },
);

test('where a route can do without a key, an empty field is none', async () => {
  const path = `/derived/count?x=${freshKey()}`;
  expect(await outcome(path, '', {})).toBe('ran');
  expect(await outcome(path, ' ', {})).toBe('replayed');
  expect(await outcome('/count', '', {})).toMatch(/^400 .*empty/);
});
