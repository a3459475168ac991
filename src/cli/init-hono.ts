/** @module `oncegate init --hono`. Runs in: Node. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { createTwoFilesPatch } from 'diff';
import { OLDEST_COMPATIBILITY_DATE } from './check.ts';
import { EXIT, Exit } from './exit.ts';
import type { Parsed } from './options.ts';
import { json, line, note } from './print.ts';
import { readWranglerConfig, type WranglerConfig } from './wrangler-config.ts';
import { type Addition, withAdditions } from './wrangler-edit.ts';

/** In the order in which wrangler looks for them. */
const FILES = ['wrangler.json', 'wrangler.jsonc', 'wrangler.toml'];

const BINDING = 'LEDGER';
const CLASS = 'Ledger';

/**
 * `oncegate init --hono [DIRECTORY]`: adds to the wrangler configuration of a Hono project what
 * `idempotency()` needs, after it has shown what that changes, and says what to write in the app.
 */
export async function initHono(options: Parsed): Promise<void> {
  const directory = options.operands[0] ?? '.';
  const file = FILES.find((name) => existsSync(join(directory, name)));
  if (file === undefined) {
    throw new Exit(
      EXIT.usage,
      `There is no wrangler configuration in ${directory}. npm create hono@latest makes a project that has one.`,
    );
  }
  const path = join(directory, file);
  const { config } = await readWranglerConfig(path, undefined);
  refuseWithoutSqlite(path, config);
  const additions = missingIn(config);
  const before = readFileSync(path, 'utf8');
  const edited = withAdditions(before, file.endsWith('.toml') ? 'toml' : 'json', additions);
  if (!edited.ok) {
    throw new Exit(EXIT.no, `${path} cannot be added to as it is written. Add by hand:`, edited.byHand);
  }
  const changes = edited.text !== before;
  if (options.flag('json')) {
    if (changes && options.flag('yes')) write(path, edited.text);
    json({
      path,
      added: additions.map(({ list }) => list.join('.')),
      written: changes && options.flag('yes'),
    });
    return;
  }
  if (changes) {
    for (const text of differenceOf(path, before, edited.text)) line(text);
    if (!options.flag('yes') && !(await agrees(path))) {
      throw new Exit(EXIT.no, 'Nothing is written. With --yes it is, without a question.');
    }
    write(path, edited.text);
    line(`${path} is written.`);
  } else {
    line(`${path} has all that it needs.`);
  }
  sayWhatElse(config);
}

/** A class that has no SQLite cannot be given it by one more migration. */
function refuseWithoutSqlite(
  path: string,
  { durable_objects: { bindings }, migrations }: WranglerConfig,
): void {
  const className = bindings.find(({ name }) => name === BINDING)?.class_name ?? CLASS;
  if (!migrations.some(({ new_classes }) => new_classes.includes(className))) return;
  throw new Exit(
    EXIT.no,
    `${path} has ${className} in new_classes, without SQLite, in which the ledger is stored. Where it has never been deployed, write new_sqlite_classes there. Where it has been, the ledger needs a class of another name: "class_name": "SqliteLedger" in its binding, { "tag": "oncegate-v1", "new_sqlite_classes": ["SqliteLedger"] } in the migrations, and in the Worker's main file export { Ledger as SqliteLedger } from 'oncegate/hono'.`,
  );
}

/** What the top level of a configuration lacks. */
function missingIn(config: WranglerConfig): Addition[] {
  const additions: Addition[] = [];
  const ledger = config.durable_objects.bindings.find(({ name }) => name === BINDING);
  if (ledger === undefined) {
    additions.push({
      list: ['durable_objects', 'bindings'],
      value: { name: BINDING, class_name: CLASS },
      isFirst: config.durable_objects.bindings.length === 0,
    });
  }
  const className = ledger?.class_name ?? CLASS;
  if (!config.migrations.some((migration) => migration.new_sqlite_classes.includes(className))) {
    additions.push({
      list: ['migrations'],
      value: { tag: 'oncegate-v1', new_sqlite_classes: [className] },
      isFirst: config.migrations.length === 0,
    });
  }
  if (!config.kv_namespaces.some(({ binding }) => binding === 'RESULTS')) {
    additions.push({
      list: ['kv_namespaces'],
      value: { binding: 'RESULTS' },
      isFirst: config.kv_namespaces.length === 0,
    });
  }
  return additions;
}

/** The lines of a unified diff, from its names on. */
function differenceOf(path: string, before: string, after: string): string[] {
  const lines = createTwoFilesPatch(path, path, before, after).trimEnd().split('\n');
  return lines.slice(lines.findIndex((text) => text.startsWith('--- ')));
}

/** Where nobody is there to be asked, the answer is no. */
async function agrees(path: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(`Write this to ${path}? (y/N) `)).trim());
  } finally {
    terminal.close();
  }
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new Exit(
      EXIT.usage,
      `${path} cannot be written: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function sayWhatElse(config: WranglerConfig): void {
  const { compatibility_date: date } = config;
  if (date === undefined || date < OLDEST_COMPATIBILITY_DATE) {
    note(
      `Its compatibility_date has to be ${OLDEST_COMPATIBILITY_DATE} or later: since then a request goes on when its client has left. What else a later date changes is in Cloudflare’s documentation, so change it yourself.`,
    );
  }
  line('In the app:');
  line("  import { idempotency, Ledger } from 'oncegate/hono';");
  line("  app.use('/orders/*', idempotency());");
  line('In the main file of the Worker, beside “export default”:');
  line('  export { Ledger };');
  line('An environment of its own (env.staging) inherits no bindings: copy them there.');
  line('Then: npx wrangler dev, and send a POST with an Idempotency-Key twice.');
}
