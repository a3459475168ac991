/** How far the sweep has come. It is written down with the counts, in one row, and may be behind: it then looks again. */
export interface Marks {
  /** No row before this one has a run, or a body that is to leave. */
  readonly coolFrom: number;
  /**
   * RESULTS has every result that was completed before this time and is to go there, in milliseconds since the epoch. Those
   * that it does not have all the same say so in their rows.
   */
  readonly archivedBefore: number;
}

export const NO_MARKS: Marks = { coolFrom: 0, archivedBefore: 0 };
