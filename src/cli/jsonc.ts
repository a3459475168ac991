/** @module Writes JSON with comments. Runs in: Node. */

/**
 * A member of an object, with the lines to say above it. They are the program's own; what a user gave is in
 * values only.
 */
export interface Member {
  readonly comment?: readonly string[];
  readonly key: string;
  readonly value: unknown;
}

/**
 * JSON with comments: an object of these members in this order. Keys and values are written by
 * `JSON.stringify` alone.
 */
export function commentedJson(members: readonly Member[]): string {
  const texts = members.map(({ comment = [], key, value }) => {
    const [first = '', ...rest] = JSON.stringify(value, null, 2).split('\n');
    const lines = [`${JSON.stringify(key)}: ${first}`, ...rest];
    return [...comment.map((text) => `// ${text}`), ...lines].map((line) => `  ${line}`).join('\n');
  });
  return `{\n${texts.join(',\n')}\n}\n`;
}
