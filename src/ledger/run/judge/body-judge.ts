/** @module What reads a body to say whether the run failed after all. Runs in: nowhere (types). */

import type { FailureRule } from '../../../failed-when.ts';

/** Reads a body, no coding on it, as its bytes come, and says at its end whether the run failed after all. */
export interface BodyJudge {
  see(bytes: Uint8Array): void;
  /**
   * The rule by which the run failed; `null` where nothing says so. To be asked once. `whole: false` says
   * that more of the body may have been there: only what was seen counts then, and nothing is missed.
   */
  verdict(whole: boolean): FailureRule | null;
}
