/** @module Makes idempotency keys: random ones, and the same one for the same parts. Runs in: any runtime. */

/**
 * What {@link deterministicKey} takes: text, finite numbers, bigints, booleans, null, bytes, and plain lists
 * and objects of these. Anything else (`undefined`, dates, class instances) has no one obvious encoding and
 * is refused.
 */
export type KeyPart =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly KeyPart[]
  | { readonly [name: string]: KeyPart };

/** Deeper nesting is refused: it is a cycle, or no longer the identity of anything. */
const MAX_DEPTH = 64;

/**
 * A new idempotency key: 128 random bits as 32 hexadecimal digits. Needs no secure context in a browser.
 *
 * @example
 * ```ts
 * const key = randomKey(); // draw it when the form is shown, send it with every submission of that form
 * ```
 */
export function randomKey(): string {
  return hex(crypto.getRandomValues(new Uint8Array(16)));
}

/**
 * The same key for the same parts, whenever and wherever it is computed: SHA-256 over an encoding in which no
 * two different part lists look alike, as 64 hexadecimal digits. `("a:b", "c")` ≠ `("a", "b:c")`, `"1"` ≠ `1`
 * ≠ `1n`, `["a"]` ≠ `"a"`. The order of an object's fields does not matter, the order of a list does.
 *
 * Name what makes the operation *this* operation (customer, order number, purpose), not what may differ
 * between two tries of it (the time, a random id). In a browser it needs a secure context (https or
 * localhost).
 *
 * @throws {TypeError} no parts, or a part that {@link KeyPart} does not allow
 *
 * @example
 * ```ts
 * const key = await deterministicKey('invoice', customer.id, 2026, 11);
 * await fetchOnce('/invoices', { method: 'POST', headers: { 'Idempotency-Key': key }, body });
 * ```
 */
export async function deterministicKey(...parts: readonly KeyPart[]): Promise<string> {
  if (parts.length === 0)
    throw new TypeError('parts: at least one is needed, or every call would share one key');
  const encoded = new TextEncoder().encode(encodePart(parts, 'parts', 0));
  return hex(await sha256(encoded));
}

/**
 * A key for what a request says: method, URL (without fragment), media type and body. Submitting the same
 * form twice gives the same key; the boundary of a multipart body, which is drawn anew each time, is not part
 * of it. Headers are not either, credentials included: a token that was renewed makes no second order. Who is
 * calling is for the store and the gateway to keep apart; where one credential stands for several users, put
 * the user into a key of your own, `deterministicKey(user.id, await requestKey(request))`. The request passed
 * in is not consumed; its body is read into memory from a copy.
 *
 * Two *intended* identical orders would share this key. Where that can happen, draw a {@link randomKey} when
 * the form is shown and keep it with the form instead.
 *
 * @throws {TypeError} the request's body has been read already
 *
 * @example
 * ```ts
 * const fetchOnce = idempotentFetch({ key: requestKey });
 * await fetchOnce('/orders', { method: 'POST', body: new FormData(form) });
 * ```
 */
export async function requestKey(request: Request): Promise<string> {
  if (request.bodyUsed) throw new TypeError('request: its body has been read already');
  const url = new URL(request.url);
  url.hash = '';
  const mediaType = request.headers.get('content-type')?.trim() ?? '';
  const isMultipart = /^multipart\/form-data\b/i.test(mediaType);
  const body = isMultipart ? await formParts(request) : await digestOf(request.clone());
  return deterministicKey(
    'request',
    request.method,
    url.href,
    isMultipart ? 'multipart/form-data' : mediaType,
    body,
  );
}

/** Bodies enter a key as digests: they may be large, and bytes in a key are written out as text. */
async function digestOf(source: Request | Blob): Promise<Uint8Array> {
  return sha256(await source.arrayBuffer());
}

async function formParts(request: Request): Promise<KeyPart> {
  const fields: KeyPart[] = [];
  for (const [name, value] of await request.clone().formData()) {
    fields.push(
      typeof value === 'string' ? [name, value] : [name, value.name, value.type, await digestOf(value)],
    );
  }
  return fields;
}

/**
 * JSON with three additions: `12n` for a bigint, `x"0a"` for bytes, `-0`. Each form starts differently and
 * strings are quoted and escaped (lone surrogates too), so the text can be read back in only one way.
 */
function encodePart(part: unknown, path: string, depth: number): string {
  if (depth > MAX_DEPTH) throw new TypeError(`${path}: nested deeper than ${MAX_DEPTH} levels`);
  if (part === null || typeof part === 'boolean') return String(part);
  if (typeof part === 'string') return JSON.stringify(part);
  if (typeof part === 'bigint') return `${part}n`;
  if (typeof part === 'number') {
    if (!Number.isFinite(part)) throw new TypeError(`${path}: ${part} is not a finite number`);
    return Object.is(part, -0) ? '-0' : String(part);
  }
  if (part instanceof Uint8Array) return `x"${hex(part)}"`;
  if (Array.isArray(part)) {
    return `[${Array.from(part, (each, index) => encodePart(each, `${path}[${index}]`, depth + 1)).join()}]`;
  }
  if (isPlainObject(part)) {
    const fields = Object.keys(part)
      .sort()
      .map((name) => `${JSON.stringify(name)}:${encodePart(part[name], `${path}.${name}`, depth + 1)}`);
    return `{${fields.join()}}`;
  }
  const kind = typeof part === 'object' ? 'an object with a class of its own' : typeof part;
  throw new TypeError(`${path}: ${kind} cannot be part of a key; use a string, number, list or plain object`);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

async function sha256(bytes: BufferSource): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
