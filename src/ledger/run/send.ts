/** @module Sends a request upstream, or to the Worker's own handler. Runs in: the ledger object. */

import { serviceOf } from '../../bindings.ts';
import type { BodyBytes } from '../../body-bytes.ts';
import { appendAll } from '../../headers.ts';
import { ownProps } from '../../own-invocation.ts';
import type { LedgerCall, Policy } from '../../protocol.ts';
import { handlerResponse } from './handler-response.ts';

/**
 * A larger body is sent as a stream, which lets go of it while it is sent. A request holds on to bytes until
 * it is answered.
 */
const STREAMED_BODY_MIN_BYTES = 16 * 1024;

/** What is sent, and where. */
interface Outgoing extends Pick<LedgerCall, 'id' | 'method' | 'url' | 'headers' | 'invocation'> {
  readonly policy: Pick<Policy, 'sendTo' | 'recordStatuses'>;
}

/** Sends a request on. Rejects, never throws, so that whatever goes wrong is an outcome of the execution. */
export async function send(
  call: Outgoing,
  body: BodyBytes,
  env: object,
  ctx: Pick<DurableObjectState, 'exports'>,
  signal: AbortSignal,
): Promise<Response> {
  const request = new Request(call.url, {
    method: call.method,
    body: bodyInit(body),
    redirect: 'manual',
  });
  appendAll(request.headers, call.headers);
  // `manual`: the body stays in the coding in which it comes, so that whatever it holds can be recorded and
  // handed on.
  const init = { signal, encodeResponseBody: 'manual' } as const;
  const { sendTo } = call.policy;
  switch (sendTo.kind) {
    case 'url':
      return fetch(request, init);
    case 'service':
      return serviceOf(env, sendTo.name).fetch(request, init);
    case 'self': {
      const cf = cfOf(call.invocation?.cf);
      return handlerResponse(
        await ownHandler(sendTo.name, call, ctx.exports).fetch(request, { ...init, ...cf }),
        call,
      );
    }
  }
}

/** The export of this Worker that handles its requests, told what it runs for. */
function ownHandler(name: string, call: Outgoing, exports: object): Fetcher {
  const handler: unknown = Reflect.get(exports, name);
  if (!isLoopback(handler) || call.invocation === undefined) {
    throw new Error(`this Worker has no export ${name} that handles requests`);
  }
  return handler({ props: ownProps(call.invocation, call.id) });
}

function isLoopback(handler: unknown): handler is (options: { props: object }) => Fetcher {
  return typeof handler === 'function';
}

function cfOf(cf: unknown): { cf?: RequestInitCfProperties } {
  return typeof cf === 'object' && cf !== null ? { cf: { ...cf } } : {};
}

function bodyInit(body: BodyBytes): BodyInit | null {
  if (body.length === 0) return null;
  return body.length < STREAMED_BODY_MIN_BYTES ? body.whole() : body.stream();
}
