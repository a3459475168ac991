/** @module Adds entries to a wrangler configuration, and leaves the rest of it as it is. Runs in: Node. */

import { applyEdits, modify } from 'jsonc-parser';

/** An entry to be added at the end of a list of wrangler's configuration. */
export interface Addition {
  /** By which members the list is reached. */
  readonly list: readonly string[];
  readonly value: Readonly<Record<string, string | readonly string[]>>;
  /** Whether the list has no entry yet. */
  readonly isFirst: boolean;
}

/** The new text, or what has to be done by hand. */
export type Edited =
  | { readonly ok: true; readonly text: string }
  /** It is written in a way that nothing can be added to. */
  | { readonly ok: false; readonly byHand: readonly string[] };

/**
 * The text of a configuration with these entries. All else in it stays as it is, comments and white space
 * included.
 */
export function withAdditions(
  text: string,
  language: 'json' | 'toml',
  additions: readonly Addition[],
): Edited {
  return language === 'json' ? inJson(text, additions) : inToml(text, additions);
}

function inJson(text: string, additions: readonly Addition[]): Edited {
  let edited = text;
  for (const { list, value } of additions) {
    // With options for its format, what stands beside it would be formatted too.
    const edits = modify(edited, [...list, -1], value, { isArrayInsertion: true });
    const readable = edits.map((edit) => ({ ...edit, content: spaced(edit.content, text) }));
    edited = applyEdits(edited, readable);
  }
  return { ok: true, text: edited };
}

/**
 * What is inserted: a member on a line of its own, an entry of a list that is there behind the one before.
 */
function spaced(content: string, text: string): string {
  const [, before = '', member = '', entry = '', after = ''] =
    /^(,?)("\w+":)?(.*?)(,?)$/s.exec(content) ?? [];
  const value = inOneLine(JSON.parse(entry));
  if (member === '') return `${before === '' ? '' : ', '}${value}${after}`;
  const line = `${endOfLine(text)}${/^[ \t]+(?=\S)/m.exec(text)?.[0] ?? '  '}`;
  return `${before}${line}${member} ${value}${after}`;
}

function inOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inOneLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}: ${inOneLine(member)}`,
  );
  return `{ ${members.join(', ')} }`;
}

function endOfLine(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/**
 * Tables of lists may stand at the end, unless the list is written in one piece: TOML lets nobody add to
 * that.
 */
function inToml(text: string, additions: readonly Addition[]): Edited {
  const tables = additions.map(({ list, value }) => [
    `[[${list.join('.')}]]`,
    ...Object.entries(value).map(([name, entry]) => `${name} = ${JSON.stringify(entry)}`),
  ]);
  const isInOnePiece = ({ list, isFirst }: Addition) =>
    !isFirst && !new RegExp(`^\\s*\\[\\[\\s*${list.join('\\s*\\.\\s*')}\\s*\\]\\]`, 'm').test(text);
  if (additions.some(isInOnePiece)) return { ok: false, byHand: tables.flat() };
  if (tables.length === 0) return { ok: true, text };
  const eol = endOfLine(text);
  const added = tables.map((lines) => lines.join(eol)).join(eol + eol);
  return { ok: true, text: `${text.trimEnd()}${eol}${eol}${added}${eol}` };
}
