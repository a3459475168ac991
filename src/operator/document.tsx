/** @module A page as text, with its doctype. Runs in: the Worker. */

import { html } from 'hono/html';
import type { Child } from 'hono/jsx';

/** A page as text. Without a doctype a browser falls into quirks mode. */
export function documentOf(page: Child) {
  return html`<!doctype html>${page}`;
}
