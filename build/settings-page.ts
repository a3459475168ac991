/**
 * Writes the tables of docs/settings.md from the settings themselves, so that the page cannot say anything
 * else.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { bindingOf, gatewaySettings, routeSettings } from '../src/settings.ts';
import { root } from './bundled.ts';

export const PAGE = join(root, 'docs/settings.md');

const NONE = '–';

if (import.meta.main) writeFileSync(PAGE, withTables(readFileSync(PAGE, 'utf8')));

/**
 * The page with its tables as they should be. What is between `<!-- begin NAME -->` and `<!-- end NAME -->`
 * is replaced.
 */
export function withTables(page: string): string {
  return withTable(withTable(page, 'route', routeTable()), 'gateway', gatewayTable());
}

function withTable(page: string, name: string, table: string): string {
  const [begin, end] = [`<!-- begin ${name} -->\n`, `<!-- end ${name} -->\n`];
  const [before, rest, ...more] = page.split(begin);
  const [, after, ...others] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined || more.length + others.length > 0) {
    throw new Error(`docs/settings.md has no one place for the table “${name}”`);
  }
  return `${before}${begin}\n${table}\n${end}${after}`;
}

function routeTable(): string {
  return tableOf(
    ['binding', 'in a route', 'default', 'meaning'],
    Object.entries(routeSettings).map(([field, schema]) => {
      const binding = bindingOf(field);
      return [binding === null ? NONE : code(binding), code(field), defaultOf(schema), meaningOf(schema)];
    }),
  );
}

function gatewayTable(): string {
  return tableOf(
    ['binding', 'default', 'meaning'],
    Object.entries(gatewaySettings).map(([field, schema]) => [
      code(bindingOf(field) ?? field),
      defaultOf(schema),
      meaningOf(schema),
    ]),
  );
}

type Setting = (typeof routeSettings & typeof gatewaySettings)[
  | keyof typeof routeSettings
  | keyof typeof gatewaySettings];

function meaningOf(schema: Setting): string {
  const meaning = v.getDescription(schema);
  if (meaning === undefined) throw new Error('a setting says nothing of what it does');
  return meaning;
}

/** What holds without the setting, as a cell of a table. */
export function defaultOf(schema: Setting): string {
  const { otherwise } = v.getMetadata(schema);
  if (typeof otherwise === 'string') return otherwise;
  const fallback = v.getDefault(schema);
  return fallback === undefined || fallback === null ? NONE : code(String(fallback));
}

function code(text: string): string {
  return `\`${text}\``;
}

/** A table as the formatter leaves it: each column is as wide as its widest cell. */
function tableOf(head: readonly string[], body: readonly (readonly string[])[]): string {
  const rows = [head, ...body].map((cells) => cells.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  const [first = '', ...others] = rows.map((cells) =>
    lineOf(cells.map((cell, n) => cell.padEnd(widths[n] ?? 0))),
  );
  return [first, lineOf(widths.map((width) => '-'.repeat(width))), ...others].join('');
}

function lineOf(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |\n`;
}
