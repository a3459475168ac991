/** @module The client's address, and whom a request counts against. Runs in: the Worker. */

import type { Caller } from './caller.ts';
import { sha256 } from './digest.ts';
import { callerId } from './identity.ts';

/** Whom a request counts against: digests, as they go to the ledger and to a rate limiter. */
export interface Parties {
  /**
   * Names the caller in the store. All who have no credential are one caller, but each address of them counts
   * for itself.
   */
  readonly caller: string;
  /**
   * `null` where the address is not known. It counts whatever credentials come from there, as those can be
   * invented.
   */
  readonly address: string | null;
}

/** Whom a request of this caller counts against. */
export async function partiesOf(headers: Headers, route: string, caller: Caller): Promise<Parties> {
  const address = await addressOf(headers);
  const byAddress = caller.anonymous && address !== null;
  return { caller: await callerId(route, byAddress ? `${caller.scope}${address}` : caller.scope), address };
}

/**
 * A digest of the client's address, an IPv6 address by its /64, all of which one client has. `null` where the
 * platform tells none.
 *
 * Cloudflare's edge sets the field, whatever the client sends in it. Where nothing does, as on a machine of
 * one's own, a client may put there what it likes.
 */
async function addressOf(headers: Headers): Promise<string | null> {
  const address = headers.get('cf-connecting-ip');
  return address === null ? null : sha256(JSON.stringify(['address', networkOf(address)]));
}

/** An IPv4 address as it is, an IPv6 address as its /64; anything else as it is. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const host = URL.parse(`http://[${address.replace(/%.*$/, '')}]`)?.hostname;
  if (host === undefined) return address;
  const [head = '', tail] = host.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after];
  // An IPv4 address in the form of IPv6 (RFC 4291 §2.5.5.2).
  if (all.slice(0, 6).join(':') === '0:0:0:0:0:ffff') return mappedAddress(all[6], all[7]);
  return `${all.slice(0, 4).join(':')}::/64`;
}

function mappedAddress(...groups: (string | undefined)[]): string {
  const bytes = groups.flatMap((group = '0') => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
  return bytes.join('.');
}
