/** Requests with JSON in them, and what comes back. */
import { createHash } from 'node:crypto';

const JSON_TYPE = { 'content-type': 'application/json', 'accept-encoding': 'identity' };

/** Posts a value as JSON, or a text as what says that it is JSON. */
export function sendJson(url: string, body: object | string, init: RequestInit = {}): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { ...JSON_TYPE, ...Object.fromEntries(new Headers(init.headers)) };
  return fetch(url, { method: 'POST', ...init, headers, body: text });
}

/** Whether the gateway has replayed it. */
export function replayed(response: Response): boolean {
  return response.headers.get('idempotent-replayed') === 'true';
}

/** What the origin's `echo` says of a request. */
export async function echoed(response: Response) {
  const { headers, bytes, sha256, url } = await response.json();
  const fields = new Headers();
  for (let at = 0; at < headers.length; at += 2) fields.append(headers[at], headers[at + 1]);
  return { headers: fields, bytes, sha256, url };
}

/** In hexadecimal. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
