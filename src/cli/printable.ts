/** @module Text of somebody else's, made safe for a terminal. Runs in: Node. */

/**
 * What a terminal would act on instead of showing it: controls (C0, DEL, C1), marks that turn the direction
 * of writing, what has no width, and separators of lines. A gateway's answer is somebody else's text, and
 * must not clear the screen or look like another answer.
 */
const ACTED_ON = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** The text with all of that written out, as JavaScript and JSON write it: `\u001b`. It is one line. */
export function printable(text: string): string {
  return text.replace(ACTED_ON, escaped);
}

/**
 * JSON text with the same written out within its strings, so that it is still the same JSON. Its own line
 * ends stay.
 */
export function printableJson(json: string): string {
  return json.replace(ACTED_ON, (character) => (character === '\n' ? character : escaped(character)));
}

function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
