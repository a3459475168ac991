import { expect, test } from 'vitest';
import type { Upstream } from '../../../src/config.ts';
import { locationFor } from '../../../src/response/location.ts';

/** The request that is answered: `/openai/a/b?q=1` at the gateway, `/base/a/b?q=1` at the upstream. */
function handedOut(
  reference: string,
  base = 'https://api.example.com/base',
  stripPrefix = '/openai',
): string {
  const upstream: Upstream = base === 'service' ? { kind: 'service', name: 'API' } : { kind: 'url', base };
  const target = new URL(`https://gate.example${stripPrefix}/a/b?q=1`);
  return locationFor({ target, route: { upstream, stripPrefix } }, reference);
}

test.each([
  // Under the base, however it is written.
  ['https://api.example.com/base/x', 'https://gate.example/openai/x'],
  ['https://API.Example.com:443/base/x?y=1#z', 'https://gate.example/openai/x?y=1#z'],
  ['HTTPS://api.example.com/base', 'https://gate.example/openai'],
  ['https://api.example.com/base/', 'https://gate.example/openai/'],
  ['https://api.example.com/base/a/../x', 'https://gate.example/openai/x'],
  ['//api.example.com/base/x', 'https://gate.example/openai/x'],
  ['/base/x', '/openai/x'],
  ['/base/x?y=1#z', '/openai/x?y=1#z'],
  ['/base//evil.example/x', '/openai//evil.example/x'],
  // An upstream behind a proxy that ends TLS.
  ['http://api.example.com/base/x', 'https://gate.example/openai/x'],
  // An upstream that was told the gateway's host, and one that knows the prefix too.
  ['https://gate.example/base/x', 'https://gate.example/openai/x'],
  ['https://gate.example/openai/x', 'https://gate.example/openai/x'],
  // Relative to what was asked for, there and here alike.
  ['x', 'x'],
  ['./x?y=1', './x?y=1'],
  ['../x', '../x'],
  ['?y=1', '?y=1'],
  ['#z', '#z'],
  ['', ''],
  // Not under the base: what the upstream meant.
  ['/x', 'https://api.example.com/x'],
  ['/', 'https://api.example.com/'],
  ['/baseX/x', 'https://api.example.com/baseX/x'],
  ['/base/../x', 'https://api.example.com/x'],
  ['/base%2Fx', 'https://api.example.com/base%2Fx'],
  ['../../../x', 'https://api.example.com/x'],
  ['https://api.example.com/x', 'https://api.example.com/x'],
  ['https://api.example.com.evil.example/base/x', 'https://api.example.com.evil.example/base/x'],
  ['https://api.example.com:8443/base/x', 'https://api.example.com:8443/base/x'],
  ['http://api.example.com:80/base/x', 'https://gate.example/openai/x'],
  ['http://api.example.com:8080/base/x', 'http://api.example.com:8080/base/x'],
  ['https://user@api.example.com/base/x', 'https://user@api.example.com/base/x'],
  ['https://other.example/base/x', 'https://other.example/base/x'],
  ['//other.example/x', '//other.example/x'],
  ['\\\\other.example/x', '\\\\other.example/x'],
  // Not for HTTP, or no reference at all.
  ['myapp://callback?code=1', 'myapp://callback?code=1'],
  ['mailto:a@api.example.com', 'mailto:a@api.example.com'],
  ['https://', 'https://'],
  ['http://[', 'http://['],
])('with a base path and a prefix, %j is handed out as %j', (reference, expected) => {
  expect(handedOut(reference)).toBe(expected);
});

test.each([
  ['https://api.example.com/x', 'https://gate.example/x'],
  ['/x', '/x'],
  ['x', 'x'],
  ['https://api.example.com//evil.example', 'https://gate.example//evil.example'],
  ['https://gate.example/x', 'https://gate.example/x'],
])('with neither, %j is handed out as %j', (reference, expected) => {
  expect(handedOut(reference, 'https://api.example.com', '')).toBe(expected);
});

test.each([
  ['/x', '/p/x'],
  ['//api.example.com//evil.example', 'https://gate.example/p//evil.example'],
  ['/p/x', '/p/p/x'],
])('with a prefix alone, %j is handed out as %j', (reference, expected) => {
  expect(handedOut(reference, 'https://api.example.com', '/p')).toBe(expected);
});

test('with a base path alone, a path of two slashes is not handed out as a host', () => {
  const given = handedOut('/base//evil.example/x', 'https://api.example.com/base', '');
  expect(given).toBe('https://gate.example//evil.example/x');
});

test.each([
  ['http://10.0.0.5:8080/x', 'https://gate.example/x'],
  ['http://10.0.0.5/x', 'http://10.0.0.5/x'],
  ['https://10.0.0.5:8080/x', 'https://10.0.0.5:8080/x'],
  ['//other.example/x', 'http://other.example/x'],
])('of an upstream on plain HTTP and another port, %j is handed out as %j', (reference, expected) => {
  expect(handedOut(reference, 'http://10.0.0.5:8080', '')).toBe(expected);
});

test.each([
  ['https://gate.example/x', 'https://gate.example/p/x'],
  ['/x', '/p/x'],
  ['x', 'x'],
  ['https://other.example/x', 'https://other.example/x'],
])('of a service binding, %j is handed out as %j', (reference, expected) => {
  expect(handedOut(reference, 'service', '/p')).toBe(expected);
});

test('what is relative to a request for the bare prefix is not read one level too high', () => {
  const place = {
    target: new URL('https://gate.example/openai'),
    route: {
      upstream: { kind: 'url', base: 'https://api.example.com/base' },
      stripPrefix: '/openai',
    },
  } as const;
  expect(locationFor(place, 'x')).toBe('/openai/x');
});
