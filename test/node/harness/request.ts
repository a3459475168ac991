import { randomUUID } from 'node:crypto';

/**
 * Sends a keyed POST through the gateway. It asks for no coding: Miniflare's own front, like Cloudflare's
 * edge, would compress what the gateway answers.
 */
export function post(url: string, key: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set('accept-encoding', 'identity');
  headers.set('idempotency-key', key);
  return fetch(url, { method: 'POST', redirect: 'manual', ...init, headers });
}

/** A key that no other test uses. */
export function freshKey(): string {
  return randomUUID();
}

/** A name for a gate at the origin that no other test uses. */
export function freshGate(): string {
  return randomUUID();
}

/** Reads the next text that a response's body brings. */
export async function readNext(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return new TextDecoder().decode(value);
}
