/** @module Who sends a request, by what an app knows beyond its fields. Runs in: the Worker. */

import type { Context, Env } from 'hono';
import { foreignProps } from '../own-invocation.ts';
import type { Caller } from '../request/caller.ts';
import type { IdempotencyOptions } from './options.ts';

/**
 * Who sends the request, where more is known of it than its fields tell: by what the app says, or by the
 * `props` of the service binding through which it came. `null` where the fields are all.
 *
 * A scope that is not there is a defect of the app, not a caller that all of its users would share.
 */
export async function knownCaller<E extends Env>(
  c: Context<E>,
  scope: IdempotencyOptions<E>['scope'],
): Promise<((byFields: Caller) => Caller) | null> {
  if (scope !== undefined) {
    const caller = callerNamed(await scope(c));
    return () => caller;
  }
  const props = foreignProps(c.executionCtx.props);
  if (props === null) return null;
  const said = JSON.stringify(props);
  return ({ scope, bound }) => ({ scope: JSON.stringify({ props: said, scope }), bound, anonymous: false });
}

function callerNamed(value: unknown): Caller {
  if (value === null) return { scope: '"nobody"', bound: null, anonymous: true };
  if (typeof value === 'string' && value !== '') return named(value);
  if (typeof value === 'number' && Number.isFinite(value)) return named(String(value));
  throw new TypeError(
    `idempotency(): scope gave ${value === '' ? 'an empty text' : typeof value}; a caller is a text or a number, and null is nobody in particular`,
  );
}

function named(value: string): Caller {
  return { scope: JSON.stringify({ app: value }), bound: null, anonymous: false };
}
