/** @module The rules of `FAILED_WHEN` that look at JSON. Runs in: the ledger object. */

import type { FailureRule, JsonScalar } from '../../../failed-when.ts';
import type { Found } from './found.ts';
import type { JsonScan } from './json-scan.ts';
import type { Watch } from './watch-tree.ts';

/** Enough of an `error` to tell `""` and `0` from something. */
const ERROR_MAX_BYTES = 16;
/** JSON may spell each UTF-16 unit of a text in six bytes, and a number with some zeros. */
const SPELT_UNIT_BYTES = 6;
const NUMBER_MAX_BYTES = 64;

interface JsonTest {
  readonly rule: FailureRule;
  readonly fails: (scan: JsonScan) => boolean;
}

/** The rules that look at JSON: `json-error`, and each `json:/POINTER=value`. */
export class JsonRules {
  /** What a scan has to watch for them. */
  readonly watches: readonly Watch[];
  readonly #tests: readonly JsonTest[];

  /** `from` is the number of the first of these watches among all that the scan watches. */
  constructor(rules: readonly FailureRule[], from = 0) {
    const watches: Watch[] = [];
    const watch = (pointer: readonly string[], maxBytes: number) =>
      from + watches.push({ pointer, maxBytes }) - 1;
    this.#tests = rules.flatMap((rule): JsonTest[] => {
      if (rule.kind === 'json') {
        const at = watch(rule.pointer, spellingMaxBytes(rule.value));
        return [{ rule, fails: (scan) => isValue(scan.found(at), rule.value) }];
      }
      if (rule.kind !== 'json-error') return [];
      const error = watch(['error'], ERROR_MAX_BYTES);
      const errors = watch(['errors'], 0);
      const data = watch(['data'], ERROR_MAX_BYTES);
      const fails = (scan: JsonScan) =>
        !isBlank(scan.found(error)) || isGraphqlFailure(scan.found(errors), scan.found(data));
      return [{ rule, fails }];
    });
    this.watches = watches;
  }

  /** The first rule that a whole document breaks. */
  brokenBy(scan: JsonScan): FailureRule | null {
    return this.#tests.find(({ fails }) => fails(scan))?.rule ?? null;
  }
}

/** What an `error` is where there is none: absent, null, false, 0, empty, or an object or list of nulls. */
export function isBlank(found: Found): boolean {
  switch (found.kind) {
    case 'absent':
      return true;
    case 'scalar':
      return !found.value;
    case 'long':
      return false;
    case 'object':
    case 'array':
      return found.blank;
  }
}

/** GraphQL §7.1: errors beside data are of a part, errors without data are of the request. */
function isGraphqlFailure(errors: Found, data: Found): boolean {
  const noData = data.kind === 'absent' || (data.kind === 'scalar' && data.value === null);
  return errors.kind === 'array' && !errors.blank && noData;
}

function isValue(found: Found, value: JsonScalar): boolean {
  return found.kind === 'scalar' && found.value === value;
}

function spellingMaxBytes(value: JsonScalar): number {
  return typeof value === 'string'
    ? Math.max(value.length * SPELT_UNIT_BYTES, NUMBER_MAX_BYTES)
    : NUMBER_MAX_BYTES;
}
