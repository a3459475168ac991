/** @module What stands at a watched place of a JSON document. Runs in: the ledger object. */

/**
 * What a reader of JSON found at a place that it watches. As with `JSON.parse`, the last of several members
 * of one name counts.
 */
export type Found =
  | { readonly kind: 'absent' }
  | { readonly kind: 'scalar'; readonly value: string | number | boolean | null }
  /** A text or number of more bytes than are kept. */
  | { readonly kind: 'long' }
  /** `blank`: it holds nothing, or nothing but nulls. */
  | { readonly kind: 'object' | 'array'; readonly blank: boolean };

/** Nothing stands there. */
export const ABSENT: Found = { kind: 'absent' };
/** More than is kept. */
export const LONG: Found = { kind: 'long' };
