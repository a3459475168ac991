/** @module The app that API and console are added to. Runs in: nowhere (types). */

import type { Hono } from 'hono';
import type { BlankSchema } from 'hono/types';

/** What the app's handlers share. */
export interface OperatorEnv {
  /** `formToken`: what the forms of a page carry; without it, the page is for a program. */
  Variables: { formToken: string | undefined };
}

/** Its paths begin with the operator's prefix. The empty path is `/_oncegate/`. */
export type OperatorApp = Hono<OperatorEnv, BlankSchema, string>;
