/**
 * @module The gateway's log: one JSON object a line, which Workers Logs indexes by field.
 * Runs in: the Worker, the ledger object.
 */

/**
 * What a line can be about, by its field `event`. docs/operating.md says of each what an operator does about
 * it.
 */
export type LogEvent =
  /** A keyed request was answered. */
  | 'request'
  /** The configuration is invalid, and nothing is let through. */
  | 'config-invalid'
  /** A name that looks like a misspelt setting. */
  | 'setting-unknown'
  /** A defect of the gateway, in a client's request. */
  | 'unexpected'
  /** The gateway is its own upstream. */
  | 'loop-detected'
  /** The rate limiter itself failed, and the request went on. */
  | 'rate-limiter-failed'
  /** A request without a key got no response from the upstream. */
  | 'upstream-gave-no-response'
  /** A run's response ended before its end, or never began. */
  | 'upstream-broke-off'
  /** A run was ended, as all of its clients had left. */
  | 'execution-cancelled'
  /** A success said in its body that it is none. */
  | 'upstream-said-failed'
  /** Whether a success says so in its body could not be found out. */
  | 'response-not-judged'
  /** A replayed body did not get to its end, most often as its client left. */
  | 'response-broke-off'
  /** A ledger object could not be reached, or its answer was lost. */
  | 'ledger-unreachable'
  /** That the outcome of a run is unknown could not be written down. */
  | 'ledger-write-failed'
  /** A result could not be written down. */
  | 'result-not-written'
  /** What is left of pieces could not be removed. */
  | 'pieces-not-removed'
  /** A ledger object is so full that bodies leave early. */
  | 'ledger-pressed'
  /** A ledger object is so full that nothing new begins. */
  | 'ledger-full'
  /** A ledger object had no room for the rest of a body. */
  | 'ledger-out-of-room'
  /** The alarm that does what is left for later could not be set. */
  | 'alarm-not-set'
  /** A part of what is left for later failed, and is tried again. */
  | 'sweep-failed'
  /** A result could not be put into RESULTS, and is tried again. */
  | 'results-write-failed'
  /** A result could not be taken out of RESULTS, so its execution is not forgotten. */
  | 'results-delete-failed'
  /** A result could not be read from RESULTS. */
  | 'results-read-failed'
  /** What is stored of a response is not what was stored. */
  | 'record-damaged'
  /** A stored response could not be read to its end. */
  | 'record-read-failed'
  /** One of several executions could not be forgotten. */
  | 'not-forgotten'
  /** How often a Worker replayed by itself did not get to the ledger. */
  | 'replays-not-counted'
  /** How many logins failed did not get to the ledger, and is handed on with the next. */
  | 'logins-not-counted'
  /** A wrong operator's token. */
  | 'operator-login-failed'
  /** A request for elsewhere carried the operator's token or login. */
  | 'operator-token-misplaced'
  /** A defect of the console or the operator's API. */
  | 'operator-failed';

/** Of the gateway itself, a ledger object or the operator's surface, and of no one request. */
type OwnEvent =
  | 'config-invalid'
  | 'setting-unknown'
  | 'ledger-pressed'
  | 'ledger-full'
  | 'alarm-not-set'
  | 'sweep-failed'
  | 'logins-not-counted'
  | 'operator-login-failed'
  | 'operator-token-misplaced'
  | 'operator-failed';

/** Of an execution whose requests are not at hand any more. */
type ExecutionEvent =
  | 'results-write-failed'
  | 'results-delete-failed'
  | 'not-forgotten'
  | 'replays-not-counted';

type LogValue = string | number | boolean | null;

type LogFields = Readonly<Record<string, LogValue>>;

/** By what the lines of one request are found, and its execution in the console. */
export interface LoggedRequest {
  /** The execution; `null` where the request was refused before it was known. */
  readonly id: string | null;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The trace id of its `traceparent`. */
  readonly trace: string | null;
}

/** The same as fields of a line. */
export interface RequestFields {
  readonly execution: string | null;
  readonly method: string;
  readonly path: string;
  readonly traceId: string | null;
}

/** What a line has to say at least, by its event. One that is not named above is of a request. */
type FieldsOf<Event extends LogEvent> = Event extends OwnEvent
  ? LogFields
  : Event extends ExecutionEvent
    ? LogFields & Pick<RequestFields, 'execution'>
    : Event extends 'ledger-unreachable'
      ? LogFields & (RequestFields | { readonly askedBy: 'operator' })
      : LogFields & RequestFields;

/** What the lines of a request say of it. */
export function requestFields({ id, method, path, trace }: LoggedRequest): RequestFields {
  return { execution: id, method, path, traceId: trace };
}

/** What is said of each keyed request. */
export interface RequestLine extends LoggedRequest {
  readonly route: string;
  readonly outcome: string;
  readonly status: number;
  readonly shard: number | null;
  readonly ms: number;
  readonly keyHash: string | null;
}

/**
 * Writes one structured log line: that of a request says which, that of an execution at least its id. No line
 * ever holds a credential, an idempotency key or a body.
 */
export function log<Event extends LogEvent>(
  level: 'info' | 'warn' | 'error',
  event: Event,
  fields: FieldsOf<Event>,
): void {
  console[level](JSON.stringify({ level, event, ...fields }));
}

/**
 * Writes the line of a keyed request. There is one for each, so its text is put together by hand: what is a
 * digest, a number or a word of ours needs no escaping.
 */
export function logRequest(line: RequestLine): void {
  const { route, outcome, status, shard, ms, keyHash, id, method, path, trace } = line;
  console.info(
    `{"level":"info","event":"request","route":${JSON.stringify(route)},"outcome":"${outcome}","status":${status},"shard":${shard},"ms":${ms},"keyHash":${quoted(keyHash)},"execution":${quoted(id)},"method":"${method}","path":${JSON.stringify(path)},"traceId":${quoted(trace)}}`,
  );
}

function quoted(text: string | null): string {
  return text === null ? 'null' : `"${text}"`;
}

/** An error as text for a log line. */
export function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
