/** @module Chooses what judges a response. Runs in: the ledger object. */

import type { FailureRule } from '../../../failed-when.ts';
import type { LoggedRequest } from '../../../log.ts';
import type { Policy, ResponseHead } from '../../../protocol.ts';
import type { BodyJudge } from './body-judge.ts';
import { DecodedJudge, formatOf } from './decoded-judge.ts';
import { JsonJudge } from './json-judge.ts';
import { JsonRules } from './json-rules.ts';
import { SseJudge } from './sse-judge.ts';

/** Reads a body as it comes, whatever its coding. Never rejects. */
export interface Judge {
  /** To be awaited before the bytes are changed. */
  see(bytes: Uint8Array): void | Promise<void>;
  /** At the end of the body, once: the rule by which the run failed; `null` where nothing says so. */
  verdict(): FailureRule | null | Promise<FailureRule | null>;
}

/**
 * What judges a response by its policy's `FAILED_WHEN`; `null` where there is nothing to judge: another type
 * than JSON or an event stream, no rule for it, or a coding that cannot be taken off here. `about` is the
 * request whose run it is of, for the log.
 */
export function judgeOf(
  { route, failedWhen }: Pick<Policy, 'route' | 'failedWhen'>,
  head: ResponseHead,
  about: LoggedRequest,
): Judge | null {
  if (failedWhen.length === 0) return null;
  const judge = bodyJudgeOf(fieldOf(head, 'content-type'), failedWhen);
  if (judge === null) return null;
  const coding = fieldOf(head, 'content-encoding');
  if (coding === '' || /^identity$/i.test(coding)) {
    return { see: (bytes) => judge.see(bytes), verdict: () => judge.verdict(true) };
  }
  const format = formatOf(coding);
  return format === null ? null : new DecodedJudge(route, about, judge, format);
}

function bodyJudgeOf(contentType: string, rules: readonly FailureRule[]): BodyJudge | null {
  const [type = ''] = contentType.toLowerCase().split(';', 1);
  if (type.trim() === 'text/event-stream') return new SseJudge(rules);
  const forJson = rules.some(({ kind }) => kind === 'json' || kind === 'json-error');
  return forJson && /[/+]json\s*$/.test(type) ? new JsonJudge(new JsonRules(rules)) : null;
}

/** A field's value; empty where it is not there. The last of several counts. */
function fieldOf(head: ResponseHead, name: string): string {
  return head.headers.findLast((field) => field[0] === name)?.[1] ?? '';
}
