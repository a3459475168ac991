/**
 * @module The rules of `FAILED_WHEN`: what in a response whose status is a success says that the run failed
 * after all. From text to values; the ledger holds responses against them. Runs in: the Worker.
 */

import { pointerTokens } from './json-pointer.ts';

/** A value that a JSON pointer is compared with. */
export type JsonScalar = string | number | boolean | null;

/** `text` is the rule as it is written in the settings. */
export type FailureRule =
  | { readonly kind: 'sse-error' | 'json-error' | 'no-end-mark'; readonly text: string }
  | {
      readonly kind: 'json';
      readonly text: string;
      /** The tokens of an RFC 6901 pointer, unescaped. */
      readonly pointer: readonly string[];
      readonly value: JsonScalar;
    };

/** The marks of event streams alone: an error in JSON may come after an effect that must not be had twice. */
export const DEFAULT_FAILED_WHEN = 'sse-error,no-end-mark';

/** What is kept of a body while it is judged grows with this. */
const RULE_MAX_CHARACTERS = 1_024;

/** Splits at each comma that is not inside a quoted value. */
export function splitRules(text: string): string[] {
  const items = text.match(/(?:"(?:[^"\\]|\\.)*"|[^,])+/g) ?? [];
  return items.map((item) => item.trim()).filter((item) => item !== '');
}

/** One rule, or what is wrong with it, to be read after the setting's name. */
export function parseRule(text: string): { ok: true; rule: FailureRule } | { ok: false; why: string } {
  switch (text) {
    case 'sse-error':
    case 'json-error':
    case 'no-end-mark':
      return { ok: true, rule: { kind: text, text } };
  }
  const [, path, written] = /^json:(\/[^=]*)=(.+)$/s.exec(text) ?? [];
  if (path === undefined || written === undefined) {
    return bad('must be sse-error, json-error, no-end-mark, a rule such as json:/ok=false, or none');
  }
  if (text.length > RULE_MAX_CHARACTERS)
    return bad(`must have rules of at most ${RULE_MAX_CHARACTERS} characters`);
  const pointer = pointerTokens(path);
  if (pointer === null) return bad('must have JSON pointers in which ~ is written ~0 and / is written ~1');
  const value = parseValue(written);
  return value.ok ? { ok: true, rule: { kind: 'json', text, pointer, value: value.value } } : value;
}

/** A JSON value, or a text without quotes. */
function parseValue(written: string): { ok: true; value: JsonScalar } | { ok: false; why: string } {
  let value: unknown;
  try {
    value = JSON.parse(written);
  } catch {
    // `False` for false is a mistake that would never match.
    const mistaken = /^["[{]/.test(written) || /^(true|false|null)$/i.test(written);
    return mistaken
      ? bad(`has ${written}, which is no JSON value; a text may stand in quotes`)
      : { ok: true, value: written };
  }
  if (typeof value === 'number' && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) {
    return bad('must have numbers of at most 2^53 - 1');
  }
  if (typeof value === 'object' && value !== null)
    return bad('must compare with a text, a number, true, false or null');
  return { ok: true, value: value as JsonScalar };
}

function bad(why: string): { ok: false; why: string } {
  return { ok: false, why };
}
