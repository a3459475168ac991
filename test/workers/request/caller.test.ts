import { describe, expect, test } from 'vitest';
import { type Caller, callerOf } from '../../../src/request/caller.ts';
import type { ScopeFrom } from '../../../src/scope-from.ts';
import { BEHALF_CARRIERS, CREDENTIAL_CARRIERS, NO_CARRIERS } from './carriers.ts';

const KEY_FIELDS = ['idempotency-key'];

function caller(headers: Record<string, string>, scopeFrom: ScopeFrom = 'auto', query = ''): Caller {
  return callerOf(new Headers(headers), query, scopeFrom, KEY_FIELDS);
}

describe('by default', () => {
  test.each([...CREDENTIAL_CARRIERS, ...BEHALF_CARRIERS])('%s (%s) is part of who the caller is', (field) => {
    const [one, same, other, none] = [{ [field]: 'a' }, { [field]: 'a' }, { [field]: 'b' }, {}].map(
      (headers) => caller(headers),
    );
    expect(one).toEqual(same);
    expect(one?.scope).not.toBe(other?.scope);
    expect(one?.scope).not.toBe(none?.scope);
    expect(one?.anonymous).toBe(false);
  });

  test.each(NO_CARRIERS)('%s makes nobody another caller', (field) => {
    const headers = { authorization: 'Bearer a' };
    expect(caller({ ...headers, [field]: '1' })).toEqual(caller({ ...headers, [field]: '2' }));
    expect(caller({ [field]: '1' }).anonymous).toBe(true);
  });

  test('the field of the idempotency key is no credential, whatever it is called', () => {
    const scope = (key: string) =>
      callerOf(new Headers({ 'x-order-token': key, 'x-api-key': 'k' }), '', 'auto', ['x-order-token']).scope;
    expect(scope('1')).toBe(scope('2'));
  });

  test('a credential in one field is not the same in another', () => {
    expect(caller({ 'x-auth-token': 'a' }).scope).not.toBe(caller({ 'x-access-token': 'a' }).scope);
  });

  test('with no other credential, all cookies name the caller', () => {
    expect(caller({ cookie: 'session=a' }).scope).not.toBe(caller({ cookie: 'session=b' }).scope);
    expect(caller({ cookie: 'session=a' }).bound).toBeNull();
    expect(caller({ cookie: 'session=a', 'x-csrf-token': '1' })).toEqual(
      caller({ cookie: 'session=a', 'x-csrf-token': '2' }),
    );
  });

  test('beside another credential, cookies bind the request and do not name the caller', () => {
    const [one, other] = ['a', 'b'].map((id) => caller({ 'x-api-key': 'k', cookie: `session=${id}` }));
    expect(one?.scope).toBe(other?.scope);
    expect(one?.bound).not.toBe(other?.bound);
    expect(caller({ 'x-api-key': 'k' }).bound).toBeNull();
  });

  test('an empty field is no credential', () => {
    expect(caller({ 'x-api-key': ' ', cookie: 'session=a' })).toEqual(caller({ cookie: 'session=a' }));
    expect(caller({ authorization: '', cookie: ' ' }).anonymous).toBe(true);
  });

  test('a request that says nothing about its sender is anonymous', () => {
    expect(caller({ accept: '*/*' }).anonymous).toBe(true);
  });

  test('as many names as anybody cares to invent are told apart all the same', () => {
    for (let n = 0; n < 3_000; n += 1) caller({ [`x-invented-${n}`]: 'a' });
    expect(caller({ 'x-invented-token': 'a' }).anonymous).toBe(false);
    expect(caller({ 'x-invented-1': 'a' }).anonymous).toBe(true);
  });
});

describe('with an explicit list', () => {
  const LIST: ScopeFrom = [
    { in: 'header', name: 'authorization' },
    { in: 'cookie', name: 'session' },
    { in: 'query', name: 'key' },
  ];
  const scope = (headers: Record<string, string>, query = '') => caller(headers, LIST, query).scope;

  test.each([
    [{ authorization: 'Bearer a' }, { authorization: 'Bearer b' }],
    [{ authorization: 'a' }, {}],
    [{ authorization: 'a' }, { cookie: 'session=a' }],
    [{ cookie: 'session=a' }, { cookie: 'session=b' }],
    [{ cookie: 'session={"u":"a"}' }, { cookie: 'session={"u":"b"}' }],
    [{ cookie: 'session="A"' }, { cookie: 'session=A' }],
    [{ cookie: 'session=%41' }, { cookie: 'session=A' }],
    [{ cookie: 'session=a; session=b' }, { cookie: 'session=a' }],
  ])('%j and %j are two callers', (one, other) => {
    expect(scope(one)).not.toBe(scope(other));
  });

  test('a parameter of the query counts as it is written', () => {
    expect(scope({}, '?key=a&x=1')).toBe(scope({}, '?x=2&key=a'));
    expect(scope({}, '?key=a')).not.toBe(scope({}, '?key=b'));
    expect(scope({}, '?key=a')).not.toBe(scope({}, '?key=a&key=b'));
    expect(scope({}, '?key=a')).not.toBe(scope({}, '?xkey=a'));
  });

  test('nothing else counts, and nothing binds', () => {
    const one = caller({ authorization: 'a', 'x-api-key': '1', cookie: 'tracking=1' }, LIST);
    expect(one).toEqual(caller({ authorization: 'a', cookie: 'tracking=2' }, LIST));
    expect(one.bound).toBeNull();
    expect(caller({ 'x-api-key': 'a', cookie: 'tracking=1' }, LIST).anonymous).toBe(true);
  });
});

test('with `none`, all callers are one', () => {
  expect(caller({ authorization: 'a' }, 'none')).toEqual(caller({ cookie: 'b' }, 'none'));
  expect(caller({ authorization: 'a' }, 'none').anonymous).toBe(true);
});
