/** @module A page as text, with its doctype. Runs in: the Worker. */

import { html } from 'hono/html';
import type { Child } from 'hono/jsx';

/**
 * A page as text. It begins with its doctype, without which a browser takes it for one of the nineties
 * (quirks mode).
 */
export function documentOf(page: Child) {
  return html`<!doctype html>${page}`;
}
