/**
 * @module Lists of header fields: what goes on to the next hop, and what is of one connection.
 * Runs in: the Worker, the ledger object.
 */

/**
 * A header list in order; `Set-Cookie` keeps its repetitions. Plain values, so that it can cross to the
 * ledger.
 */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** RFC 9110 §7.6.1 and the fields of the connection that older specifications name. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The fields that go on to the next hop: all but those of this connection and those that `Connection` names.
 */
export function endToEnd(headers: Headers): HeaderList {
  const options = connectionOptions(headers);
  return [...headers].filter(([name]) => !HOP_BY_HOP.has(name) && !options.includes(name));
}

/** Takes off what is of this connection, in place. */
export function dropConnectionFields(headers: Headers): void {
  for (const name of connectionOptions(headers)) headers.delete(name);
  for (const name of HOP_BY_HOP) headers.delete(name);
}

/** Fields made one by one: three to five times as fast as to hand the list to the constructor. */
export function appendAll(headers: Headers, list: HeaderList): void {
  for (const [name, value] of list) headers.append(name, value);
}

/** The fields that are of this connection because its `Connection` field says so. */
function connectionOptions(headers: Headers): readonly string[] {
  const field = headers.get('connection');
  if (field === null) return [];
  const names = field.split(',').map((option) => option.trim().toLowerCase());
  return names.filter((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name));
}
