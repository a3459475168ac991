/** @module How far everything is settled. Runs in: the ledger object. */

/**
 * How far everything is settled: what an earlier life of the object can have left open is past these. They
 * are written down with the counts, in one row, and may be behind: a start then looks at more than it has to.
 */
export interface Marks {
  /**
   * No row before this one has a run, or a result on its way to RESULTS. No number before it is given again.
   */
  readonly openFrom: number;
  /**
   * RESULTS has every result that was completed before this time and is to go there, in milliseconds since
   * the epoch. Those that it does not have all the same say so in their rows.
   */
  readonly archivedBefore: number;
}

/** Those of an object that is new. */
export const NO_MARKS: Marks = { openFrom: 0, archivedBefore: 0 };
