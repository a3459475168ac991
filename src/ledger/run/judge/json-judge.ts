/** @module Judges a JSON document. Runs in: the ledger object. */

import type { FailureRule } from '../../../failed-when.ts';
import type { BodyJudge } from './body-judge.ts';
import type { JsonRules } from './json-rules.ts';
import { JsonScan } from './json-scan.ts';

/** Judges a body that is one JSON document. One that is cut off, or is none, says nothing. */
export class JsonJudge implements BodyJudge {
  readonly #rules: JsonRules;
  readonly #scan: JsonScan;

  constructor(rules: JsonRules) {
    this.#rules = rules;
    this.#scan = new JsonScan(rules.watches);
  }

  see(bytes: Uint8Array): void {
    this.#scan.see(bytes);
  }

  verdict(): FailureRule | null {
    return this.#scan.whole ? this.#rules.brokenBy(this.#scan) : null;
  }
}
