/** @module What a route will do with a request, in sentences. Runs in: Node. */

import type { Route } from '../config.ts';
import type { FailureRule } from '../failed-when.ts';
import { bytesText, countText, durationText } from '../format.ts';
import { placesInWords } from '../key-from.ts';
import { scopeText } from '../scope-from.ts';
import { fieldsOf, statusesText } from '../setting-texts.ts';
import { type RouteSettings, routeSettings } from '../settings.ts';

/** What a route will do with a request, in sentences. */
export function explain(route: Route): string[] {
  const { path, upstream, stripPrefix } = route;
  const target = upstream.kind === 'url' ? upstream.base : `the service bound as ${upstream.name}`;
  const stripped = stripPrefix === '' ? '' : `, without the prefix ${stripPrefix}`;
  const sentences = fieldsOf(routeSettings).flatMap((field) => {
    const sentence = SENTENCES[field];
    return typeof sentence === 'function' ? sentence(route) : [];
  });
  return [`${path} → ${target}${stripped}`, ...sentences.map((sentence) => `  ${sentence}`)];
}

/** Where a setting is said that has no sentence of its own. */
type SaidWith = 'the heading' | keyof RouteSettings;

/** What is said of each setting, in the order of the settings. */
const SENTENCES: {
  readonly [F in keyof RouteSettings]: ((route: Route) => string | []) | SaidWith;
} = {
  path: 'the heading',
  upstream: 'the heading',
  service: 'the heading',
  stripPrefix: 'the heading',
  ttlSeconds: ({ ttlSeconds }) => `A result is replayed for ${secondsText(ttlSeconds)}.`,
  key: keySentence,
  keyFrom: 'key',
  forwardKeyAs: forwardSentence,
  methods: 'key',
  forwarded: forwardedSentence,
  scopeFrom: callerSentence,
  fingerprint: fingerprintSentence,
  concurrent: ({ concurrent, waitSeconds }) =>
    concurrent === 'wait'
      ? `A duplicate that comes while the first runs joins it, and waits up to ${secondsText(waitSeconds)} for its head.`
      : 'A duplicate that comes while the first runs is refused with 409.',
  waitSeconds: 'concurrent',
  recordStatuses: ({ recordStatuses, maxRecordBytes }) =>
    `Recorded are statuses ${statusesText(recordStatuses)} and bodies up to ${bytesText(maxRecordBytes)}; a larger response is handed on, and its retries are refused with 409.`,
  failedWhen: failedSentence,
  unknownOutcome: ({ unknownOutcome }) =>
    unknownOutcome === 'retry'
      ? 'When the outcome is unknown, a retry RUNS IT AGAIN.'
      : 'When the outcome is unknown, retries are REFUSED with 409 until an operator forgets it or its time ends.',
  cancelAfterSeconds: cancelSentence,
  respondAsync: ({ respondAsync }) =>
    respondAsync ? 'A client that prefers respond-async gets 202, and comes back for the result.' : [],
  corsOrigins: corsSentence,
  upstreamTimeoutSeconds: ({ upstreamTimeoutSeconds }) =>
    `An upstream that is silent for ${secondsText(upstreamTimeoutSeconds)} is given up.`,
  maxRequestBytes: ({ maxRequestBytes }) =>
    `A request of more than ${bytesText(maxRequestBytes)} is refused with 413.`,
  maxRecordBytes: 'recordStatuses',
  resultsFromBytes: ({ resultsFromBytes }) =>
    resultsFromBytes === 0
      ? []
      : `Results under ${bytesText(resultsFromBytes)} stay in the ledger alone: while it is out of reach, their retries get 503.`,
  maxRunningPerCaller: ({ maxRunningPerCaller, maxStoredBytesPerCaller }) =>
    `In one ledger object a caller, or an address, may have ${countText(maxRunningPerCaller)} running and ${bytesText(maxStoredBytesPerCaller)} stored; over that it is refused with 429.`,
  maxStoredBytesPerCaller: 'maxRunningPerCaller',
  shards: ({ shards, location }) =>
    `Its executions are spread over ${shards} ledger ${shards === 1 ? 'object' : 'objects'}${location === null ? '' : ` near ${location}`}.`,
  location: 'shards',
};

function keySentence({ key, keyFrom, methods }: Route): string {
  const which = methods.join(' and ');
  const where = placesInWords(keyFrom);
  switch (key) {
    case 'required':
      return `${which} need a key in ${where}; without one they are refused with 400.`;
    case 'optional':
      return `${which} with a key in ${where} run once; without one they are passed on as they are.`;
    case 'derived':
      return `${which} run once under the key in ${where}; without one the request itself is the key, so two that are equal run once.`;
  }
}

function callerSentence({ scopeFrom }: Route): string {
  switch (scopeFrom) {
    case 'auto':
      return 'A caller is known by every header field that says credential or account; the cookies bind, or name the caller where there is no other.';
    case 'none':
      return 'All callers are ONE: whoever sends the same key and request gets the same response.';
    default:
      return `A caller is known by ${scopeText(scopeFrom)}, and by nothing else.`;
  }
}

function forwardSentence({ keyFrom, forwardKeyAs }: Route): string {
  switch (forwardKeyAs.kind) {
    case 'as-it-came':
      return 'The upstream gets the key too.';
    case 'dropped':
      return keyFrom.every((place) => place.in === 'header')
        ? 'The upstream does not get the key.'
        : 'The upstream does not get a key that came in a header; in the query and in the body it stays.';
    case 'in':
      return `The upstream gets the key as ${forwardKeyAs.name}.`;
  }
}

function fingerprintSentence({ fingerprint }: Route): string {
  switch (fingerprint) {
    case 'bytes':
      return 'The same key with another request is refused with 422; bodies are compared byte by byte.';
    case 'json':
      return 'The same key with another request is refused with 422; JSON counts as the same whatever its white space and order of keys.';
    case 'none':
      return 'The same key is the SAME REQUEST, whatever its method, path and body.';
  }
}

function forwardedSentence({ forwarded }: Route): string {
  switch (forwarded) {
    case 'set':
      return 'The upstream is told by which host and scheme a request came, whatever the client says of it.';
    case 'pass':
      return 'What the client says of the host and scheme by which it came, the upstream gets as it is.';
    case 'drop':
      return 'The upstream is not told by which host and scheme a request came.';
  }
}

function cancelSentence({ cancelAfterSeconds }: Route): string {
  switch (cancelAfterSeconds) {
    case null:
      return 'A run goes on to its end when all of its clients have left.';
    case 0:
      return 'A run is CANCELLED as soon as its last client has left.';
    default:
      return `A run is CANCELLED ${secondsText(cancelAfterSeconds)} after its last client has left.`;
  }
}

function corsSentence({ corsOrigins }: Route): string {
  switch (corsOrigins) {
    case 'none':
      return 'Which pages of other origins may read its answers is up to the upstream.';
    case '*':
      return 'Pages of ANY origin may read its answers, without cookies or other credentials of the browser.';
    default:
      return `Pages of ${corsOrigins.join(', ')} may read its answers, cookies included; the upstream has no say in that.`;
  }
}

function failedSentence({ failedWhen }: Route): string {
  return failedWhen.length === 0
    ? 'A recorded status is a success whatever its body says.'
    : `A response with such a status has failed all the same, and is not recorded, if it has ${failedWhen.map(markText).join(' or ')}.`;
}

function markText(rule: FailureRule): string {
  switch (rule.kind) {
    case 'sse-error':
      return 'an error in an event stream';
    case 'no-end-mark':
      return 'no end mark in the stream of a language model';
    case 'json-error':
      return 'an error at the top of its JSON';
    case 'json':
      return rule.text;
  }
}

function secondsText(seconds: number): string {
  return durationText(seconds * 1000);
}
