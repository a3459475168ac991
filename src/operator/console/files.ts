/**
 * @module The console's files. A page without a login needs them, too; nothing of them is a secret.
 * Runs in: the Worker.
 */

import type { Context } from 'hono';
import { etag } from 'hono/etag';
import { OPERATOR_PREFIX } from '../../settings.ts';
import type { OperatorApp } from '../app.ts';
import { LIVE_SCRIPT } from './live-script.ts';
import { STYLE } from './style.ts';

/** Stylesheet, script and icon. */
export function addConsoleFiles(app: OperatorApp): void {
  app.get('/', (c) => c.redirect(`${OPERATOR_PREFIX}/`));
  app.get('/console/console.css', etag(), (c) => file(c, STYLE, 'text/css; charset=utf-8'));
  app.get('/console/console.js', etag(), (c) => file(c, LIVE_SCRIPT, 'text/javascript; charset=utf-8'));
  app.get('/console/icon.svg', etag(), (c) => file(c, ICON, 'image/svg+xml'));
}

/** Asked for on each page, and answered with 304 while it has not changed. */
function file(c: Context, text: string, contentType: string): Response {
  return c.body(text, 200, { 'content-type': contentType, 'cache-control': 'private, no-cache' });
}

/** A gate that lets one of two through. */
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="8" fill="#0f766e"/>
<path d="M16 5v6M16 21v6" stroke="#fff" stroke-width="3" stroke-linecap="round"/>
<path d="M5 16h20" stroke="#fff" stroke-width="3" stroke-linecap="round"/>
<path d="M20.500 11 26 16l-5.500 5" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/>
</svg>
`;
