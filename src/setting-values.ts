/**
 * @module The forms in which the values of settings are written: each takes what `wrangler.toml` and `--var`
 * can hold, and says of anything else what it must be. Runs in: the Worker.
 */

import * as v from 'valibot';
import { type FailureRule, parseRule } from './failed-when.ts';
import { KEY_FROM_MESSAGE, keyPlaceSetting } from './key-from.ts';
import { faultOfOrigin } from './origin.ts';
import type { StatusRange } from './protocol.ts';
import type { ScopePart } from './scope-from.ts';

/** A whole number, as a number or as digits in a text. */
export function integer(min: number, max: number, fallback: number) {
  return v.optional(wholeNumber(min, max, `must be a whole number from ${min} to ${max}`), fallback);
}

/** A whole number, or `none`, which is also what holds without the setting: `null`. */
export function integerOrNone(min: number, max: number) {
  const message = `must be none or a whole number from ${min} to ${max}`;
  return v.optional(
    v.pipe(
      v.union([v.literal('none'), wholeNumber(min, max, message)], message),
      v.transform((value) => (value === 'none' ? null : value)),
    ),
    'none',
  );
}

function wholeNumber(min: number, max: number, message: string) {
  return v.pipe(
    v.union([v.number(), v.pipe(v.string(), v.regex(/^\s*\d+\s*$/), v.transform(Number))], message),
    v.integer(message),
    v.minValue(min, message),
    v.maxValue(max, message),
  );
}

/** `true` or `false`, as such or as a text. */
export function flag(fallback: boolean) {
  const message = 'must be true or false';
  return v.optional(
    v.pipe(
      v.union([v.boolean(), v.picklist(['true', 'false'])], message),
      v.transform((value) => value === true || value === 'true'),
    ),
    fallback,
  );
}

/** One of some words. */
export function oneOf<const T extends readonly [string, ...string[]]>(values: T, fallback: T[number]) {
  return v.optional(v.picklist(values, `must be one of ${values.join(', ')}`), fallback);
}

/** A list, as in `POST,PATCH`, or as a TOML array. */
export function list<T extends v.GenericSchema<string, unknown>>(
  item: T,
  example: string,
  fallback: string,
  split = splitList,
) {
  return v.optional(listOf(item, `must be a list such as ${example}`, split), fallback);
}

function listOf<T extends v.GenericSchema<string, unknown>>(item: T, message: string, split = splitList) {
  return v.pipe(
    v.union([v.pipe(v.string(), v.transform(split)), v.array(v.string())], message),
    v.array(item),
    v.nonEmpty(message),
  );
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The name of a header field. */
export const headerName = v.pipe(v.string('must be a header name'), v.regex(TOKEN, 'must be a header name'));

const statusRange = v.pipe(
  v.string(),
  v.regex(/^[2-5]\d\d(\s*-\s*[2-5]\d\d)?$/, 'must be statuses from 200 to 599 such as 200-299,404'),
  v.transform((text): StatusRange => {
    const [from = '', to = from] = text.split('-');
    return { from: Number(from), to: Number(to) };
  }),
  v.check((range) => range.from <= range.to, 'has a range that ends before it begins'),
);

/** Statuses that a record may have: `200-299`, or one alone. */
export const recordedStatus = v.pipe(
  statusRange,
  v.check(
    ({ from, to }) => from < 307 || to > 308,
    'must not hold 307 or 308, which are never recorded: they send the request elsewhere',
  ),
);

/** A method that can be keyed, in upper case. */
export const method = v.pipe(
  v.string(),
  v.regex(TOKEN, 'must be HTTP methods such as POST,PATCH'),
  v.toUpperCase(),
  v.check(
    (name) => !['HEAD', 'OPTIONS', 'CONNECT', 'TRACE', 'TRACK'].includes(name),
    'must not hold HEAD, OPTIONS, CONNECT, TRACE or TRACK, which are never keyed',
  ),
);

const SCOPE_MESSAGE =
  'must be auto, none, or a list of header names, cookie:NAME and query:NAME such as authorization,cookie:session';

const scopePart = v.pipe(
  v.string(),
  v.regex(/^(?:(?:cookie|query):)?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/i, SCOPE_MESSAGE),
  v.check((part) => !/^(?:auto|none)$/i.test(part), SCOPE_MESSAGE),
  v.transform((part): ScopePart => {
    const [, place, name] = /^(cookie|query):(.*)$/i.exec(part) ?? [];
    if (place === undefined || name === undefined) return { in: 'header', name: part.toLowerCase() };
    return { in: place.toLowerCase() === 'cookie' ? 'cookie' : 'query', name };
  }),
);

/** Who the caller is. */
export const scope = v.union([v.picklist(['auto', 'none']), listOf(scopePart, SCOPE_MESSAGE)], SCOPE_MESSAGE);

/** Where a key may be. */
export const keyPlaces = v.pipe(listOf(keyPlaceSetting, KEY_FROM_MESSAGE), v.readonly());

/** A mark by which a success says that it failed; `none` where there is to be none. */
export const failureRule = v.pipe(
  v.string(),
  v.trim(),
  v.rawTransform(({ dataset, addIssue, NEVER }): FailureRule | 'none' => {
    if (dataset.value === 'none') return 'none';
    const parsed = parseRule(dataset.value);
    if (parsed.ok) return parsed.rule;
    addIssue({ message: parsed.why });
    return NEVER;
  }),
);

/** A base to which paths are appended. */
export const upstreamUrl = v.pipe(
  v.string('must be an http or https URL'),
  v.check((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), 'must be an http or https URL'),
  v.check((text) => {
    const url = URL.parse(text);
    return url === null || `${url.search}${url.hash}${url.username}${url.password}` === '';
  }, 'must not have a query, a fragment or credentials: the request’s path and query are appended to it'),
  // In the URL's own spelling, so that a path can be appended to the text: no space, no empty query, no
  // trailing slash.
  v.transform((text) => {
    const url = URL.parse(text);
    return url === null ? text : `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  }),
);

/** A page's origin; `*` and `none` are for the list of them to judge. */
export const corsOrigin = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed || ['*', 'none'].includes(dataset.value)) return;
    const message = faultOfOrigin(dataset.value);
    if (message !== null) addIssue({ message });
  }),
);

/** A host name, and a port where it is not the usual one, in the URL's own spelling. A blank one is none. */
export const hostName = v.pipe(
  v.string('must be a host name'),
  v.transform((host) => host.trim().toLowerCase()),
  v.check(
    (host) => host === '' || isHost(host),
    'must be a host name such as ops.example.com, with a port if need be, and nothing else',
  ),
  v.transform((host) => (host === '' ? null : host)),
);

/** Whether it is a host as a URL spells it, so that it can be compared with one. */
function isHost(host: string): boolean {
  return (
    /^(\[[\da-f:.]+\]|[a-z\d-]+(\.[a-z\d-]+)*)(:\d+)?$/.test(host) &&
    ['http', 'https'].every((scheme) => URL.parse(`${scheme}://${host}`)?.host === host)
  );
}
