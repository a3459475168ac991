/** @module By what an operator knows a request again. Runs in: the Worker. */

/**
 * By what an operator knows a request again, in the log and in the ledger. Nothing of its query, its fields
 * or its body.
 */
export interface RequestLabels {
  readonly method: string;
  /** As it was asked for, in one spelling, cut off after {@link PATH_MAX_CHARACTERS}. */
  readonly path: string;
  /** The id of the trace that it belongs to; `null` where it names none. */
  readonly trace: string | null;
}

const PATH_MAX_CHARACTERS = 256;

/** What a request is known by. `target` is what it asks for. */
export function labelsOf(
  { method, headers }: Pick<Request, 'method' | 'headers'>,
  target: URL,
): RequestLabels {
  return { method, path: target.pathname.slice(0, PATH_MAX_CHARACTERS), trace: traceIdOf(headers) };
}

/** W3C Trace Context §3.2: version, trace id, parent id, flags. An id of zeros alone is none. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-[\da-f]{16}-[\da-f]{2}(?:-|$)/;

function traceIdOf(headers: Headers): string | null {
  const traceparent = headers.get('traceparent');
  return traceparent === null ? null : (TRACEPARENT.exec(traceparent)?.[1] ?? null);
}
