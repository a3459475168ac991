/** @module The health endpoint. Runs in: the Worker. */

import type { Context } from 'hono';
import { version } from '../../package.json';

/** `GET /_oncegate/health`: public, for load balancers and uptime checks. */
export function health(c: Context): Response {
  return c.json({ status: 'ok', version }, 200, { 'cache-control': 'no-store' });
}
