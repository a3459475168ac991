/** @module The `Cache-Status` of a response. Runs in: the Worker. */

import { type BareItem, serializeParameters, Token } from 'structured-headers';
import type { Recording } from '../protocol.ts';

/** What the gateway did with a keyed request, for `Cache-Status`. */
export type Handling =
  | { readonly kind: 'executed' | 'joined'; readonly recording: Recording }
  | { readonly kind: 'replayed'; readonly expiresAt: number }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'bypass' }
  | { readonly kind: 'refused'; readonly reason: string };

/** The gateway's member of `Cache-Status` (RFC 9211). */
export function cacheStatus(handling: Handling): string {
  switch (handling.kind) {
    case 'executed':
      return handling.recording === 'stored'
        ? FIRST
        : member({ ...MISS, detail: new Token(handling.recording) });
    case 'joined':
      return handling.recording === 'stored'
        ? JOINED
        : member({ ...MISS, collapsed: true, detail: new Token(handling.recording) });
    case 'replayed':
      // The serializer takes 0.8 µs, which every replay would pay. A whole number that is not negative is its
      // own text.
      return `${HIT}; ttl=${Math.max(0, Math.floor((handling.expiresAt - Date.now()) / 1000))}`;
    case 'accepted':
      return RUNS;
    case 'bypass':
      return BYPASS;
    case 'refused':
      return member({ detail: new Token(handling.reason) });
  }
}

const MISS = { fwd: new Token('miss') };
const FIRST = member({ ...MISS, stored: true });
const JOINED = member({ ...MISS, collapsed: true });
const RUNS = member({ ...MISS, detail: new Token('running') });
const HIT = member({ hit: true });
const BYPASS = member({ fwd: new Token('bypass') });

/** One member, with a space before each parameter, as RFC 9211 writes it and RFC 9651 §3.1.2 allows. */
function member(parameters: Readonly<Record<string, BareItem>>): string {
  const texts = Object.entries(parameters).map((parameter) => serializeParameters(new Map([parameter])));
  return ['oncegate', ...texts.map((text) => text.replace(/^;/, ''))].join('; ');
}
