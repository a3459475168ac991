/**
 * @module Who sends a request, by its fields: the rule of the gateway's `SCOPE_FROM=auto`.
 * Runs in: any runtime.
 */

import { saysWhoSends } from './credential-fields.ts';
import type { KeyPart } from './keys.ts';

/** Who sends a request. Both are credentials: they are digested at once and kept nowhere. */
export interface Caller {
  /** Callers of other names never see each other's results. */
  readonly name: KeyPart;
  /**
   * What does not name the caller, but without which nobody gets what was made with it. `null` where there is
   * none.
   */
  readonly bound: string | null;
}

/**
 * The caller by the rule of the gateway's `SCOPE_FROM=auto`: every field that says who sends the request
 * names him, and the `Cookie` field beside them binds the request. Where no field says so, the whole `Cookie`
 * field names him. The key's own field is no credential, whatever it is called, and neither is an empty one.
 *
 * Cookies that the runtime adds by itself, as browsers do, are not seen here.
 */
export function callerOf(headers: Headers, keyHeader: string): Caller {
  const said = [...headers].filter(
    ([name, value]) => saysWhoSends(name) && value.trim() !== '' && name !== keyHeader.toLowerCase(),
  );
  const cookie = headers.get('cookie')?.trim() ? headers.get('cookie') : null;
  return said.length > 0 ? { name: said, bound: cookie } : { name: { cookie }, bound: null };
}
