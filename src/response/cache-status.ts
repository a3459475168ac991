import type { Recording } from '../ledger/call.ts';

/** What the gateway did with a keyed request, for `Cache-Status`. */
export type Handling =
  | { readonly kind: 'executed' | 'joined'; readonly recording: Recording }
  | { readonly kind: 'replayed'; readonly expiresAt: number }
  | { readonly kind: 'bypass' }
  | { readonly kind: 'refused'; readonly reason: string };

/** The gateway's member of `Cache-Status` (RFC 9211). */
export function cacheStatus(handling: Handling): string {
  switch (handling.kind) {
    case 'executed':
      return handling.recording === 'stored'
        ? 'oncegate; fwd=miss; stored'
        : `oncegate; fwd=miss; detail=${handling.recording}`;
    case 'joined':
      return handling.recording === 'stored'
        ? 'oncegate; fwd=miss; collapsed'
        : `oncegate; fwd=miss; collapsed; detail=${handling.recording}`;
    case 'replayed':
      return `oncegate; hit; ttl=${Math.max(0, Math.floor((handling.expiresAt - Date.now()) / 1000))}`;
    case 'bypass':
      return 'oncegate; fwd=bypass';
    case 'refused':
      return `oncegate; detail=${handling.reason}`;
  }
}
