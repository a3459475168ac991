/**
 * @module An invocation of the Worker's own handler, which the ledger makes: what it is told, and how its response comes back as
 * it was at the middleware. Runs in: both.
 *
 * It is told by `ctx.props`, which only code of this Worker, and whoever configures a service binding to it, can set. Nothing
 * that a request holds gets there.
 */
import { appendAll, type HeaderList } from './headers.ts';
import type { Invocation } from './protocol.ts';

/** What the handler may know of the execution that it runs for. */
export interface OwnRun {
  /** Whose execution it is: the name of the middleware's ledger. */
  readonly name: string;
  readonly key: string;
  readonly execution: string;
}

const PROPS_MEMBER = 'oncegate';

/** The `props` of an invocation for an execution: those of the first request's invocation, and what it runs for. */
export function ownProps({ props, name, key }: Invocation, execution: string): object {
  return { ...props, [PROPS_MEMBER]: { name, key, execution } satisfies OwnRun };
}

/** The `props` that are somebody else's; `null` where there are none. */
export function foreignProps(props: unknown): object | null {
  if (typeof props !== 'object' || props === null) return null;
  const others = Object.entries(props).filter(([member]) => member !== PROPS_MEMBER);
  return others.length === 0 ? null : Object.fromEntries(others);
}

/** What an invocation runs for, by its `props`; `null` where the request is anybody's. */
export function ownRunOf(props: unknown): OwnRun | null {
  const run: unknown =
    typeof props === 'object' && props !== null ? Reflect.get(props, PROPS_MEMBER) : undefined;
  return isOwnRun(run) ? run : null;
}

function isOwnRun(run: unknown): run is OwnRun {
  return (
    typeof run === 'object' &&
    run !== null &&
    ['name', 'key', 'execution'].every((member) => typeof Reflect.get(run, member) === 'string')
  );
}

/** Holds the response's head while it passes the middleware that runs for every request, and is not to be recorded. */
const HEAD_FIELD = 'oncegate-response-head';

/** By these the runtime knows how the body is coded and how long it is, so they go with the body. */
const OF_THE_BODY = ['content-encoding', 'content-length'];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Puts a response's head away, so that what other middleware does to its fields on the way out is not taken for the
 * handler's. What is left gives that middleware no reason to change the body.
 */
export function sealHead(response: Response): Response {
  const { status, headers } = response;
  // No response that can be made anew: an upgrade, or an error of the network.
  if (status < 200) return response;
  const list: HeaderList = [...headers].filter(([name]) => !OF_THE_BODY.includes(name));
  // Made from the response itself, of which it keeps how the body is coded.
  const sealed = new Response(response.body, response);
  for (const [name] of list) sealed.headers.delete(name);
  sealed.headers.set('content-type', 'application/octet-stream');
  sealed.headers.set('cache-control', 'no-transform');
  sealed.headers.set(HEAD_FIELD, encoder.encode(JSON.stringify([status, list])).toBase64());
  return sealed;
}

/** The response with the head that was put away, or as it is where nothing was. */
export function openHead(response: Response): Response {
  const field = response.headers.get(HEAD_FIELD);
  if (field === null) return response;
  const [status, list]: [number, HeaderList] = JSON.parse(decoder.decode(Uint8Array.fromBase64(field)));
  const opened = new Response(response.body, { status, encodeBody: 'manual' });
  appendAll(opened.headers, list);
  for (const name of OF_THE_BODY) {
    const value = response.headers.get(name);
    if (value !== null) opened.headers.set(name, value);
  }
  return opened;
}
