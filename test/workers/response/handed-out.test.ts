import { expect, test } from 'vitest';
import { appendHandedOut, handOutInPlace } from '../../../src/response/handed-out.ts';

const place = {
  target: new URL('https://gate.example/x'),
  route: { upstream: { kind: 'url', base: 'https://api.example' }, stripPrefix: '' },
} as const;

/** A field of the upstream as the client gets it, of a keyed and of any other response. */
function handedOut(name: string, value: string): (string | null)[] {
  const keyed = new Headers();
  appendHandedOut(keyed, [[name, value]], place);
  const plain = new Headers({ [name]: value });
  handOutInPlace(plain, place);
  return [keyed.get(name), plain.get(name)];
}

test.each([
  ['idempotent-replayed', 'true', null],
  ['idempotent-replayed', 'false', null],
  ['cache-status', 'oncegate; hit; ttl=5', null],
  ['cache-status', '"oncegate"; hit', null],
  ['cache-status', 'OnceGate; hit', null],
  ['cache-status', 'other; hit, oncegate; hit; ttl=5', 'other;hit'],
  ['cache-status', 'oncegate; hit, "a, oncegate; hit"; fwd=miss', '"a, oncegate; hit";fwd=miss'],
  ['cache-status', 'other; hit; detail="oncegate"', 'other;hit;detail="oncegate"'],
  ['cache-status', 'oncegate; hit; =', null],
  ['cache-status', 'other;  hit', 'other;  hit'],
  ['cache-status', 'not (a list', 'not (a list'],
  ['location', 'https://api.example/y', 'https://gate.example/y'],
  ['content-location', 'https://api.example/y', 'https://gate.example/y'],
  ['x-location', 'https://api.example/y', 'https://api.example/y'],
])('%s: %s of the upstream reaches the client as %j', (name, value, expected) => {
  expect(handedOut(name, value)).toEqual([expected, expected]);
});
