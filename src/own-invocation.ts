/**
 * @module An invocation of the Worker's own handler, which the ledger makes, and what it is told.
 * Runs in: the Worker, the ledger object.
 *
 *
 * It is told by `ctx.props`, which only code of this Worker, and whoever configures a service binding to it,
 * can set. Nothing that a request holds gets there.
 */

/** What goes to the Worker itself beside the request. */
export interface Invocation {
  /** The middleware that its handler runs behind. */
  readonly name: string;
  readonly key: string;
  /** How many of the ledger's invocations lead here, with this one. */
  readonly depth: number;
  /** The `props` that the first request's invocation had itself. */
  readonly props: object;
  /** What the edge says of the request in `request.cf`. */
  readonly cf: unknown;
}

/** What the handler may know of the execution that it runs for. */
export interface OwnRun {
  /** Whose execution it is: the name of the middleware's ledger. */
  readonly name: string;
  readonly key: string;
  readonly execution: string;
  /** Absent where an object of an earlier version made the invocation. */
  readonly depth?: number;
}

/** What to change in an app whose handler the ledger does not reach. */
export const HANDLER_NOT_REACHED =
  'The ledger asked the Worker for the handler behind idempotency(), and something else of the Worker answered. The app has to be served by the export that the option entrypoint names (the default one), at the URL that the request came with: app.mount() and mount() change it, so put app.use("/path/*", idempotency()) before them, into the app that the Worker exports. And middleware before idempotency() must leave the fields of its response, as Hono does, unless c.res = undefined comes first.';

const PROPS_MEMBER = 'oncegate';

/**
 * The `props` of an invocation for an execution: those of the first request's invocation, and what it runs
 * for.
 */
export function ownProps({ props, name, key, depth }: Invocation, execution: string): object {
  return { ...props, [PROPS_MEMBER]: { name, key, execution, depth } satisfies OwnRun };
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
