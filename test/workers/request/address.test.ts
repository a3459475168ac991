import { expect, test } from 'vitest';
import { networkOf, partiesOf } from '../../../src/request/address.ts';

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
  ['no address', 'no address'],
  ['no:address', 'no:address'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});

const alice = { scope: '["alice"]', bound: null, anonymous: false };
const nobody = { scope: '{"cookie":null}', bound: null, anonymous: true };

function parties(caller: typeof alice, address?: string) {
  return partiesOf(new Headers(address === undefined ? {} : { 'cf-connecting-ip': address }), '/*', caller);
}

test('callers with credentials are one wherever they come from, those without are as many as their addresses', async () => {
  const [here, there] = await Promise.all([parties(alice, '192.0.2.1'), parties(alice, '192.0.2.2')]);
  expect(here.caller).toBe(there.caller);
  expect(here.address).not.toBe(there.address);
  const [one, other] = await Promise.all([parties(nobody, '192.0.2.1'), parties(nobody, '192.0.2.2')]);
  expect(one.caller).not.toBe(other.caller);
  expect(one.address).toBe(here.address);
  const [unknown, again] = await Promise.all([parties(nobody), parties(nobody)]);
  expect(unknown).toEqual(again);
  expect(unknown.address).toBeNull();
});
