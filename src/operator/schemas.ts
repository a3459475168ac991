/**
 * @module What the API takes and gives. The same schemas check the requests, type the responses and make the
 * OpenAPI document. Runs in: the Worker.
 *
 * The messages are for people, and each is a sentence by itself: API, console and command line show them as
 * they are.
 */

import * as v from 'valibot';
import { FAILURE_REASONS } from '../inspection.ts';
import { nearestName } from '../nearest-name.ts';
import { PLACES, REPEAT_REFUSALS, type RepeatRefusal, UNKNOWN_CAUSES } from '../protocol.ts';

/** How many a list has where the query does not say. */
export const LIST_DEFAULT = 50;
const LIST_MAX = 200;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const time = v.pipe(v.string(), v.isoTimestamp(), v.description('A time in UTC, to the millisecond.'));

/** The name of an execution. */
export const executionId = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]{43}$/, 'An execution’s id has 43 characters of base64url'),
  v.description('A digest of route, caller and idempotency key.'),
);

/** The states of a known execution. */
export const executionState = v.picklist(
  ['running', 'completed', 'unknown'],
  'state must be running, completed or unknown',
);

/** The field that may name a key instead of `?key=`, which proxies would log. */
export const KEY_FIELD = 'Oncegate-Key';

/** How many of a list are given at once. In a query it is a text, which says the same. */
export const limitValue = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(1),
  v.maxValue(LIST_MAX),
  v.description('At most so many.'),
);

const limit = v.optional(
  v.pipe(
    v.string(),
    v.regex(/^(?:[1-9]\d?|1\d\d|200)$/, `limit must be a whole number from 1 to ${LIST_MAX}`),
  ),
  String(LIST_DEFAULT),
);

const given = {
  key: v.optional(
    v.pipe(
      v.string(),
      v.nonEmpty('key must not be empty'),
      v.maxLength(1024, 'key is longer than any key'),
      v.description(
        `An idempotency key, as the client sent it. The field ${KEY_FIELD} takes it too, and keeps it out of logs.`,
      ),
    ),
  ),
  route: v.optional(v.pipe(v.string(), v.description('The path pattern of a configured route.'))),
};

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?Z?$/;

/** A time as a browser's field gives it, or with seconds; always UTC. */
const when = (name: string, description: string) =>
  v.optional(
    v.pipe(
      v.string(),
      v.regex(TIME, `${name} must be a time in UTC, such as 2026-11-25T14:30:00Z`),
      v.check((text) => !TIME.test(text) || !Number.isNaN(utcMs(text)), `${name} is no time that there is`),
      v.description(description),
    ),
  );

/** Such a time in milliseconds since the epoch. */
export function utcMs(text: string): number {
  return Date.parse(text.endsWith('Z') ? text : `${text}Z`);
}

/** A key by its digest, as the log has it. */
export const keyDigest = v.optional(
  v.pipe(v.string(), v.regex(/^[\w-]{43}$/, 'This is no digest of a key.')),
);

/** What a list of executions can be narrowed to. */
export const filterParameters = {
  ...given,
  state: v.optional(executionState),
  status: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[1-5]\d\d$/, 'status must be an HTTP status'),
      v.description('The upstream’s.'),
    ),
  ),
  method: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Z]{1,20}$/, 'method must be a method in capitals, such as POST'),
      v.description('The request’s.'),
    ),
  ),
  path: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\/.{0,255}$/, 'path must begin with / and have 256 characters at most'),
      v.description('What the request’s path begins with.'),
    ),
  ),
  caller: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[\da-f]{4}$/, 'caller must be four digits of hex, as lists give it'),
      v.description('The short name of a caller of one route.'),
    ),
  ),
  from: when('from', 'Received at this time or later, in UTC.'),
  to: when('to', 'Received before this time, in UTC.'),
};

/** The parameters of forgetting many: a filter, and the number of executions that must match it. */
export const forgetManyQuery = strictQuery({
  ...filterParameters,
  count: v.pipe(
    v.string(),
    v.regex(/^\d{1,3}$/, 'count must be a whole number'),
    v.description('How many match, as a list has shown: with any other number, nothing is forgotten.'),
  ),
});

const listParameters = {
  ...filterParameters,
  limit,
  cursor: v.optional(v.pipe(v.string(), v.description('The `next` of the page before.'))),
};

/** The parameters of a list. */
export const listQuery = strictQuery(listParameters);

/** The parameters of a list of failures. */
export const failuresQuery = strictQuery({ ...given, limit });

/**
 * The parameters of a query and no others. An error names the one that a misspelt one looks like, and one
 * that is missing.
 */
export function strictQuery<T extends v.ObjectEntries>(parameters: T) {
  return v.strictObject(parameters, ({ path }) => {
    const name = String(path?.[0]?.key);
    if (Object.hasOwn(parameters, name)) return `${name} is missing`;
    const names = Object.keys(parameters);
    const meant = nearestName(name, names);
    return `${name} is not a parameter; ${meant === null ? `there are ${names.join(', ')}` : `did you mean ${meant}?`}`;
  });
}

/** What an operator may know of a request. */
const request = {
  id: executionId,
  route: v.string(),
  shard: v.pipe(count, v.description('The number of the ledger object among those of its route.')),
  caller: v.pipe(
    v.string(),
    v.description(
      'A short name, made from a digest of the credentials; two callers of a route may share it.',
    ),
  ),
  method: v.nullable(v.string()),
  path: v.nullable(v.pipe(v.string(), v.description('Without the query, cut off after 256 characters.'))),
  traceId: v.nullable(v.pipe(v.string(), v.description('Of the `traceparent` that the request came with.'))),
};

/** What an operator may know of an execution. `null` is «not yet» or «never». */
export const execution = v.object({
  ...request,
  state: executionState,
  cause: v.nullable(v.pipe(v.picklist(UNKNOWN_CAUSES), v.description('Why the outcome is unknown.'))),
  place: v.nullable(
    v.pipe(
      v.picklist(PLACES),
      v.description(
        'Where the recorded body is; `ledger-alone` if it never goes to RESULTS, `nowhere` if it was too large, `elsewhere` if the upstream sent the client to another place, having done nothing.',
      ),
    ),
  ),
  status: v.nullable(v.pipe(v.number(), v.integer())),
  bytes: v.nullable(count),
  receivedAt: time,
  sentAt: v.nullable(time),
  headAt: v.nullable(time),
  recordedAt: v.nullable(time),
  archivedAt: v.nullable(time),
  expiresAt: time,
  lastRepeatAt: v.nullable(time),
  replays: count,
  joins: count,
  refusals: v.object(
    Object.fromEntries(REPEAT_REFUSALS.map((reason) => [reason, count])) as Record<
      RepeatRefusal,
      typeof count
    >,
  ),
});

const shardName = v.object({ route: v.string(), shard: count });

const unanswered = v.pipe(
  v.array(shardName),
  v.description('The ledger objects that did not answer. What they hold is missing from this page.'),
);

/** One page of a list. */
export const executionList = v.object({
  executions: v.array(execution),
  next: v.nullable(
    v.pipe(
      v.string(),
      v.description(
        'The cursor of the next page; `null` on the last one. Where few match, a page may have less than `limit` of them, or none.',
      ),
    ),
  ),
  unanswered,
});

/** A run that failed. */
export const failure = v.object({
  ...request,
  reason: v.pipe(
    v.picklist(FAILURE_REASONS),
    v.description(
      '`status`: it counts as a failure. `said-failed`: its body says so. `sent-elsewhere`: a redirect that keeps the method. `no-response`, `timeout`: nobody knows here whether it had its effect. `cancelled`: all of its clients had left.',
    ),
  ),
  status: v.nullable(v.pipe(v.number(), v.integer())),
  rule: v.nullable(v.pipe(v.string(), v.description('The mark of failure that was found in its body.'))),
  keyHash: v.pipe(v.string(), v.description('SHA-256 of the idempotency key, as in the log.')),
  receivedAt: time,
  failedAt: time,
});

/** The runs that failed lately, newest first. */
export const failureList = v.object({ failures: v.array(failure), unanswered });

const timelineEntry = v.object({
  at: time,
  event: v.picklist(['received', 'sent', 'head', 'recorded', 'archived', 'last-repeat', 'expires']),
});

/** One execution, with what happened to it, oldest first. */
export const executionDetail = v.object({ ...execution.entries, timeline: v.array(timelineEntry) });

/** RFC 9457, without a type of its own: its status says it all. */
export const problem = v.object({
  type: v.literal('about:blank'),
  title: v.string(),
  status: v.pipe(v.number(), v.integer()),
  detail: v.string(),
});

/** What became of forgetting many. */
export const forgetManyAnswer = v.object({
  forgotten: count,
  left: v.pipe(
    count,
    v.description('Those that ran by then, or whose records could not be removed from RESULTS.'),
  ),
  more: v.pipe(v.boolean(), v.description('There may be more that match, for another call.')),
  unanswered,
});

/** The answer, as it is read. */
export type ForgetManyAnswer = v.InferOutput<typeof forgetManyAnswer>;

/** The parameters, as they are read. */
export type ListQueryInput = v.InferOutput<typeof listQuery>;
/** The same for failures. */
export type FailuresQueryInput = v.InferOutput<typeof failuresQuery>;
/** A run that failed. */
export type Failure = v.InferOutput<typeof failure>;
/** The runs that failed lately. */
export type FailureList = v.InferOutput<typeof failureList>;

/** An execution in a list. */
export type Execution = v.InferOutput<typeof execution>;

/** A page of a list. */
export type ExecutionList = v.InferOutput<typeof executionList>;

/** All that is known of one execution. */
export type ExecutionDetail = v.InferOutput<typeof executionDetail>;

/** One thing that happened to it. */
export type TimelineEntry = v.InferOutput<typeof timelineEntry>;
