/** @module Judges an event stream. Runs in: the ledger object. */

import type { FailureRule } from '../../../failed-when.ts';
import type { BodyJudge } from './body-judge.ts';
import type { Found } from './found.ts';
import { isBlank, JsonRules } from './json-rules.ts';
import { JsonScan } from './json-scan.ts';
import { type LlmEvent, LlmStream } from './llm-stream.ts';
import { type SseListener, SseScan } from './sse-scan.ts';
import type { Watch } from './watch-tree.ts';

const DONE = new TextEncoder().encode('[DONE]');

/** Longer than every type, object and reason that is looked for. */
const NAME_MAX_BYTES = 64;

/** The members that an event which is nothing but an error may have beside `error`. */
const ABOUT_AN_ERROR = [
  'code',
  'details',
  'errorText',
  'error_type',
  'event_id',
  'param',
  'request_id',
  'sequence_number',
];

const TYPE = 0;
const OBJECT = 1;
const ERROR = 2;
const MESSAGE = 3;
const CANDIDATES = 4;
const FINISH_REASON = 5;
const CHOICE = 6;

const WATCHES: readonly Watch[] = [
  ...['type', 'object', 'error', 'message', 'candidates'].map(top),
  { pointer: ['choices', '0', 'finish_reason'], maxBytes: NAME_MAX_BYTES },
  { pointer: ['choices', '0'], maxBytes: 0 },
  ...ABOUT_AN_ERROR.map(top),
];

function top(name: string): Watch {
  return { pointer: [name], maxBytes: NAME_MAX_BYTES };
}

/**
 * Judges an event stream: by what the protocols of language models say, and each event's data by the rules
 * for JSON.
 */
export class SseJudge implements BodyJudge, SseListener {
  readonly #rules: readonly FailureRule[];
  readonly #jsonRules: JsonRules;
  readonly #lines = new SseScan(this);
  readonly #json: JsonScan;
  readonly #stream = new LlmStream();
  #brokenJsonRule: FailureRule | null = null;
  #dataBytes = 0;
  /** Whether the data so far is the beginning of `[DONE]`. */
  #isDone = true;

  constructor(rules: readonly FailureRule[]) {
    this.#rules = rules;
    this.#jsonRules = new JsonRules(rules, WATCHES.length);
    this.#json = new JsonScan([...WATCHES, ...this.#jsonRules.watches]);
  }

  see(bytes: Uint8Array): void {
    this.#lines.see(bytes);
  }

  verdict(whole: boolean): FailureRule | null {
    this.#lines.end();
    return this.#rules.find((rule) => this.#isBroken(rule, whole)) ?? this.#brokenJsonRule;
  }

  data(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; this.#isDone && at < to; at += 1) {
      this.#isDone = bytes[at] === DONE[this.#dataBytes + at - from];
    }
    this.#dataBytes += to - from;
    this.#json.see(bytes, from, to);
  }

  event(name: string): void {
    this.#stream.see(this.#eventOf(name));
    if (this.#json.whole) this.#brokenJsonRule ??= this.#jsonRules.brokenBy(this.#json);
    this.#json.restart();
    this.#dataBytes = 0;
    this.#isDone = true;
  }

  #isBroken({ kind }: FailureRule, whole: boolean): boolean {
    return (
      (kind === 'sse-error' && this.#stream.failed) ||
      (kind === 'no-end-mark' && whole && this.#stream.unfinished)
    );
  }

  #eventOf(name: string): LlmEvent {
    const json = this.#json;
    const type = textOf(json.found(TYPE));
    const object = textOf(json.found(OBJECT));
    return {
      name,
      data: this.#dataKind(),
      type,
      object,
      message: json.found(MESSAGE).kind === 'object',
      candidates: json.found(CANDIDATES).kind === 'array',
      finish: finishOf(json.found(CHOICE), json.found(FINISH_REASON)),
      error: type === 'error' || object === 'error' || !isBlank(json.found(ERROR)),
      onlyError: !json.others,
    };
  }

  #dataKind(): LlmEvent['data'] {
    if (this.#dataBytes === 0) return 'none';
    if (this.#isDone && this.#dataBytes === DONE.byteLength) return 'done';
    return this.#json.whole ? 'json' : 'other';
  }
}

function textOf(found: Found): string {
  return found.kind === 'scalar' && typeof found.value === 'string' ? found.value : '';
}

function finishOf(choice: Found, reason: Found): LlmEvent['finish'] {
  if (choice.kind === 'absent') return 'no-choice';
  if (isBlank(reason)) return 'unfinished';
  return textOf(reason) === 'error' ? 'error' : 'finished';
}
