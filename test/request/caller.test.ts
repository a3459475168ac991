import { expect, test } from 'vitest';
import { callerOf } from '../../src/request/caller.ts';

const SCOPE = ['authorization', 'x-api-key', 'cookie:session'];

function scope(headers: Record<string, string>): string {
  return callerOf(new Headers(headers), SCOPE).scope;
}

test.each([
  [{ authorization: 'Bearer a' }, { authorization: 'Bearer b' }],
  [{ authorization: 'a' }, { 'x-api-key': 'a' }],
  [{ authorization: 'a', 'x-api-key': 'b' }, { authorization: 'a' }],
  [{ cookie: 'session=a' }, { cookie: 'session=b' }],
  [{ cookie: 'other=a' }, { cookie: 'other=b' }],
  [{ authorization: 'a' }, {}],
  [{ cookie: 'other=a' }, {}],
  [
    { 'x-api-key': '', cookie: 'session=a' },
    { 'x-api-key': '', cookie: 'session=b' },
  ],
  [
    { 'x-api-key': '', cookie: 'other=a' },
    { 'x-api-key': '', cookie: 'other=b' },
  ],
  [
    { 'x-api-key': 'k', cookie: 'session={"u":"a"}' },
    { 'x-api-key': 'k', cookie: 'session={"u":"b"}' },
  ],
  [{ cookie: 'session="A"' }, { cookie: 'session=A' }],
  [{ cookie: 'session=%41' }, { cookie: 'session=A' }],
  [{ cookie: 'session=a; session=b' }, { cookie: 'session=a' }],
])('%j and %j are two callers', (one, other) => {
  expect(scope(one)).not.toBe(scope(other));
});

test('what is not in the scope makes no other caller', () => {
  expect(scope({ authorization: 'a', cookie: 'tracking=1' })).toBe(
    scope({ authorization: 'a', 'user-agent': 'x' }),
  );
  expect(scope({ cookie: 'session=a; tracking=1' })).toBe(scope({ cookie: 'tracking=2; session=a' }));
});

test('only a request without any credential is anonymous', () => {
  expect(callerOf(new Headers({ 'user-agent': 'x' }), SCOPE).anonymous).toBe(true);
  expect(callerOf(new Headers({ authorization: '', cookie: ' ' }), SCOPE).anonymous).toBe(true);
  expect(callerOf(new Headers({ cookie: 'other=a' }), SCOPE).anonymous).toBe(false);
  expect(callerOf(new Headers({ 'x-api-key': 'a' }), SCOPE).anonymous).toBe(false);
});
