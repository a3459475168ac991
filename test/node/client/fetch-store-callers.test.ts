import { describe, expect, test } from 'vitest';
import {
  deterministicKey,
  type IdempotentFetchOptions,
  idempotentFetch,
  MemoryStore,
  type ResultStore,
  requestKey,
} from '../../../src/client/index.ts';
import { BEHALF_CARRIERS, CREDENTIAL_CARRIERS, NO_CARRIERS } from '../../workers/request/carriers.ts';
import { numbered, order } from './orders.ts';
import { serve, signal } from './server.ts';

describe('a store shared by several users', () => {
  /** What users with these headers get under one key, one after the other. */
  async function answersTo(
    users: readonly Record<string, string>[],
    options: IdempotentFetchOptions = {},
  ): Promise<string[]> {
    await using server = await serve(numbered);
    const fetchOnce = idempotentFetch({ store: new MemoryStore(), key: () => 'k', ...options });
    const answers: string[] = [];
    for (const headers of users) {
      const answer = fetchOnce(server.url, { method: 'POST', body: 'book', headers });
      answers.push(await answer.then((response) => response.text()).catch((error) => error.reason));
    }
    return answers;
  }

  test.each([...CREDENTIAL_CARRIERS, ...BEHALF_CARRIERS, ['Cookie', 'RFC 6265'] as const])(
    'gives no user what another got, or what one without got: %s (%s)',
    async (field) => {
      const [ann, bob, nobody] = [{ [field]: 'ann' }, { [field]: 'bob' }, {}];
      expect(await answersTo([ann, bob, nobody, ann])).toEqual(['run 1', 'run 2', 'run 3', 'run 1']);
    },
  );

  test.each(NO_CARRIERS)('runs nothing again for another %s', async (field) => {
    expect(await answersTo([{ [field]: '1' }, { [field]: '2' }])).toEqual(['run 1', 'run 1']);
  });

  test('who share a credential refuses a key that came with another session, and sends nothing', async () => {
    const app = { 'x-api-key': 'of the whole app' };
    const [ann, bob] = [
      { ...app, cookie: 'session=ann' },
      { ...app, cookie: 'session=bob' },
    ];
    expect(await answersTo([ann, bob, app, ann])).toEqual([
      'run 1',
      'other-credentials',
      'other-credentials',
      'run 1',
    ]);
  });

  test('who share a credential are told apart by a key that names the user', async () => {
    const app = { 'x-api-key': 'of the whole app' };
    const ann = { ...app, cookie: 'user=ann' };
    const bob = { ...app, cookie: 'user=bob' };
    const key = async (request: Request) =>
      deterministicKey(request.headers.get('cookie'), await requestKey(request));
    expect(await answersTo([ann, bob, ann], { key: requestKey })).toEqual([
      'run 1',
      'other-credentials',
      'run 1',
    ]);
    expect(await answersTo([ann, bob, ann], { key })).toEqual(['run 1', 'run 2', 'run 1']);
  });

  test('refuses it while the first is still running, too', async () => {
    const arrived = signal();
    const { given, give } = signal();
    await using server = await serve(async (request, response) => {
      arrived.give();
      await given;
      await numbered(request, response);
    });
    const fetchOnce = idempotentFetch({ store: new MemoryStore() });
    const as = (cookie: string) =>
      fetchOnce(server.url, order('k', 'book', { authorization: 'app', cookie }));
    const first = as('session=ann');
    await arrived.given;
    await expect(as('session=bob')).rejects.toMatchObject({
      name: 'KeyReusedError',
      reason: 'other-credentials',
    });
    give();
    expect(await (await first).text()).toBe('run 1');
    expect(server.requests).toHaveLength(1);
  });

  test('takes the key’s own field for no credential, whatever it is called', async () => {
    const users = [{ 'x-order-token': 'k' }, { 'x-order-token': 'k' }, { 'x-order-token': 'l' }];
    expect(await answersTo(users, { keyHeader: 'X-Order-Token' })).toEqual(['run 1', 'run 1', 'run 2']);
  });

  test('goes by `caller` alone where that is given', async () => {
    let user = 'ann';
    const caller = () => user;
    await using server = await serve(numbered);
    const fetchOnce = idempotentFetch({ store: new MemoryStore(), caller });
    const withToken = async (authorization: string) =>
      (await fetchOnce(server.url, order('k', 'book', { authorization, cookie: authorization }))).text();
    expect([await withToken('a'), await withToken('renewed')]).toEqual(['run 1', 'run 1']);
    user = 'bob';
    expect(await withToken('a')).toBe('run 2');
  });

  test.each(['', undefined, 7])('asks nobody for a `caller` that is %j', async (name) => {
    await using server = await serve(numbered);
    const fetchOnce = idempotentFetch({ store: new MemoryStore(), caller: () => name as string });
    await expect(fetchOnce(server.url, order('k'))).rejects.toThrow(/^caller: /);
    expect(server.requests).toHaveLength(0);
  });

  test('holds neither a credential nor a cookie', async () => {
    const written: string[] = [];
    const store: ResultStore = {
      get: async () => undefined,
      set: async (key, value) => void written.push(key, new TextDecoder().decode(value)),
    };
    const headers = { authorization: 'Bearer secret-a', cookie: 'session=secret-b' };
    await answersTo([headers], { store });
    expect(written.join()).toContain('run 1');
    expect(written.join()).not.toMatch(/secret-/);
  });
});
