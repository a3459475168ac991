/** @module `oncegate init`. Runs in: Node. */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../config.ts';
import { OLDEST_COMPATIBILITY_DATE, standIns } from './check.ts';
import { EXIT, Exit } from './exit.ts';
import { initHono } from './init-hono.ts';
import { commentedJson, type Member } from './jsonc.ts';
import { type Parsed, parseOptions } from './options.ts';
import { json, line } from './print.ts';

/** What Cloudflare takes for the name of a Worker: it is also the first label of its address. */
const WORKER_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The other files that wrangler would read. It reads one of the three, and not both. */
const OTHER_FILES = ['wrangler.json', 'wrangler.toml'];

/**
 * `oncegate init [DIRECTORY]`: sets up a gateway in front of an upstream, or the middleware in a project that
 * is there.
 */
export async function init(args: readonly string[]): Promise<void> {
  if (args.includes('--hono')) {
    return initHono(parseOptions(args, ['json', 'hono', 'yes'], { min: 0, max: 1 }));
  }
  initGateway(parseOptions(args, ['json', 'upstream', 'name', 'force'], { min: 0, max: 1 }));
}

/** Writes a wrangler.jsonc that puts a gateway in front of an upstream. */
function initGateway(options: Parsed): void {
  const directory = options.operands[0] ?? '.';
  const upstream = options.text('upstream');
  if (upstream === undefined) {
    throw new Exit(EXIT.usage, 'In front of what? Give --upstream https://api.example.com.');
  }
  const name = options.text('name') ?? 'oncegate';
  if (!WORKER_NAME.test(name)) {
    throw new Exit(
      EXIT.usage,
      '--name takes a Worker’s name: up to 63 lower-case letters, digits and dashes, with no dash at either end.',
    );
  }
  const vars = { UPSTREAM_URL: upstream, TTL_SECONDS: 86_400, UNKNOWN_OUTCOME: 'retry' };
  const checked = parseConfig({ ...vars, ...standIns(BINDINGS) });
  if (!checked.ok) {
    throw new Exit(EXIT.usage, checked.bad.map(({ setting, why }) => `${setting} ${why}`).join('; '));
  }

  for (const file of OTHER_FILES) {
    if (existsSync(join(directory, file))) {
      throw new Exit(
        EXIT.no,
        `${join(directory, file)} is there already, and wrangler reads one configuration only.`,
      );
    }
  }
  const path = join(directory, 'wrangler.jsonc');
  write(directory, path, commentedJson(configuration(name, vars)), options.flag('force'));
  if (options.flag('json')) {
    json({ written: path, upstream });
    return;
  }
  line(`${path} is written. Next:`);
  if (directory !== '.') line(`  cd ${directory}`);
  line('  npm install --save-dev oncegate wrangler');
  line('  npx oncegate check');
  line('  npx wrangler deploy');
  line('  openssl rand -base64 32 | npx wrangler secret put ADMIN_TOKEN');
}

function write(directory: string, path: string, text: string, force: boolean): void {
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      throw new Exit(EXIT.no, `${path} is there already. --force writes over it.`);
    }
    throw new Exit(
      EXIT.usage,
      `${path} cannot be written: ${error instanceof Error ? error.message : error}`,
    );
  }
}

const BINDINGS = {
  durable_objects: { bindings: [{ name: 'LEDGER', class_name: 'Ledger' }] },
  kv_namespaces: [{ binding: 'RESULTS' }],
};

function configuration(name: string, vars: Readonly<Record<string, string | number>>): Member[] {
  return [
    { key: '$schema', value: 'node_modules/wrangler/config-schema.json' },
    { key: 'name', value: name },
    { key: 'main', value: 'node_modules/oncegate/dist/worker/index.js' },
    {
      comment: ['The oldest that works: since then a request goes on when its client has left.'],
      key: 'compatibility_date',
      value: OLDEST_COMPATIBILITY_DATE,
    },
    { key: 'observability', value: { enabled: true } },
    {
      comment: ['The ledger decides which request runs. Its storage must be SQLite.'],
      key: 'durable_objects',
      value: BINDINGS.durable_objects,
    },
    { key: 'migrations', value: [{ tag: 'v1', new_sqlite_classes: ['Ledger'] }] },
    {
      comment: ['Recorded responses. The namespace is made for you by the first deploy.'],
      key: 'kv_namespaces',
      value: BINDINGS.kv_namespaces,
    },
    {
      comment: [
        'The API to stand in front of, and settings for all its routes. “npx oncegate check” says what they do.',
        'UNKNOWN_OUTCOME: when nobody knows whether a request had its effect, “retry” runs it again, “refuse” does not.',
      ],
      key: 'vars',
      value: vars,
    },
  ];
}
