import { serviceOf } from '../../bindings.ts';
import type { BodyBytes } from '../../body-bytes.ts';
import { appendAll } from '../../headers.ts';
import type { Destination, LedgerCall } from '../../protocol.ts';

/** A larger body is sent as a stream, which lets go of it while it is sent. A request holds on to bytes until it is answered. */
const STREAMED_BODY_MIN_BYTES = 16 * 1024;

/** Sends a request on. Rejects, never throws, so that whatever goes wrong is an outcome of the execution. */
export async function send(
  call: LedgerCall,
  body: BodyBytes,
  env: object,
  signal: AbortSignal,
): Promise<Response> {
  const request = new Request(call.url, {
    method: call.method,
    body: bodyInit(body),
    redirect: 'manual',
  });
  appendAll(request.headers, call.headers);
  // `manual`: the body stays in the coding in which it comes, so that whatever it holds can be recorded and handed on.
  return destinationOf(call.policy.sendTo, env).fetch(request, { signal, encodeResponseBody: 'manual' });
}

function destinationOf(sendTo: Destination, env: object): Fetcher | typeof globalThis {
  return sendTo.kind === 'url' ? globalThis : serviceOf(env, sendTo.name);
}

function bodyInit(body: BodyBytes): BodyInit | null {
  if (body.length === 0) return null;
  return body.length < STREAMED_BODY_MIN_BYTES ? body.whole() : body.stream();
}
