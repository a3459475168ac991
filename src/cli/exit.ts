/** @module How a command ends: with a message for people and a code for scripts. Runs in: Node. */

/** What the exit codes of `oncegate` mean. Scripts rely on them. */
export const EXIT = {
  done: 0,
  /** It was asked and the answer is no: not valid, not known, not forgotten, or not without errors. */
  no: 1,
  /** The command line is wrong, or a file cannot be read or written. */
  usage: 2,
  /** The gateway cannot be reached, or answers what it should not. */
  unreachable: 3,
  /** The admin token is missing or wrong, or the gateway has none. */
  unauthorized: 4,
} as const;

/**
 * Ends the command with a message for people, of one line and perhaps more below it, and a code for scripts.
 */
export class Exit extends Error {
  constructor(
    readonly code: (typeof EXIT)[Exclude<keyof typeof EXIT, 'done'>],
    message: string,
    readonly more: readonly string[] = [],
  ) {
    super(message);
  }
}
