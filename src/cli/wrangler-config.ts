/** @module The project's wrangler configuration, as its wrangler reads it. Runs in: Node. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import * as v from 'valibot';
import { EXIT, Exit } from './exit.ts';
import type { ReaderAnswer } from './wrangler-reader.ts';

const bindings = v.optional(v.array(v.object({ binding: v.string() })), []);
const route = v.union([v.string(), v.object({ pattern: v.string() })]);

/** What of wrangler's configuration concerns the gateway. */
const schema = v.object({
  vars: v.optional(v.record(v.string(), v.unknown()), {}),
  durable_objects: v.object({ bindings: v.array(v.object({ name: v.string(), class_name: v.string() })) }),
  kv_namespaces: bindings,
  services: bindings,
  analytics_engine_datasets: bindings,
  ratelimits: v.optional(v.array(v.object({ name: v.string() })), []),
  compatibility_date: v.optional(v.string()),
  migrations: v.optional(
    v.array(
      v.object({
        new_sqlite_classes: v.optional(v.array(v.string()), []),
        new_classes: v.optional(v.array(v.string()), []),
      }),
    ),
    [],
  ),
  workers_dev: v.optional(v.boolean()),
  route: v.optional(route),
  routes: v.optional(v.array(route), []),
});

/** What is read of a configuration. */
export type WranglerConfig = v.InferOutput<typeof schema>;

/** A configuration as it was read. */
export interface ReadConfig {
  readonly path: string;
  /** As a deploy would take it: what the environment has, and what it inherits. */
  readonly config: WranglerConfig;
  readonly environment: string | undefined;
  /** The routes that the environment has for no other reason than that the top level has them. */
  readonly inheritedRoutes: readonly string[];
  /** What wrangler itself has to say. */
  readonly warnings: readonly string[];
}

/**
 * Reads a `wrangler.json`, `.jsonc` or `.toml` by the wrangler that will deploy it, the one of the project;
 * without a file, the one that wrangler finds. Ends the command where it is not there or not valid.
 */
export async function readWranglerConfig(
  file: string | undefined,
  environment: string | undefined,
): Promise<ReadConfig> {
  if (file !== undefined && !existsSync(file)) throw new Exit(EXIT.usage, `${file} cannot be read.`);
  const answer = await askWrangler(file, environment);
  switch (answer.kind) {
    case 'no-file':
      throw new Exit(EXIT.usage, 'There is no wrangler.json, wrangler.jsonc or wrangler.toml here.');
    case 'no-environment': {
      const { path, environments } = answer;
      const there = environments.length === 0 ? 'It has none.' : `It has ${environments.join(', ')}.`;
      throw new Exit(EXIT.usage, `${shown(path)} has no environment ${environment}. ${there}`);
    }
    case 'not-valid':
      throw new Exit(
        EXIT.no,
        `${file ?? 'The configuration'} is not valid. wrangler says:`,
        indented(answer.why),
      );
    case 'other-wrangler':
      throw new Exit(EXIT.usage, OTHER_WRANGLER);
    case 'read': {
      const config = v.safeParse(schema, answer.config);
      const top = v.safeParse(schema, answer.top);
      if (!config.success || !top.success) throw new Exit(EXIT.usage, OTHER_WRANGLER);
      const topRoutes = new Set(patternsOf(top.output));
      return {
        path: shown(answer.path),
        config: config.output,
        environment,
        inheritedRoutes:
          environment === undefined || answer.hasOwnRoutes
            ? []
            : patternsOf(config.output).filter((pattern) => topRoutes.has(pattern)),
        warnings: answer.warnings,
      };
    }
  }
}

/** The addresses that a deploy gives to the Worker, besides workers.dev. */
export function patternsOf(config: WranglerConfig): string[] {
  const given = [...config.routes, ...(config.route === undefined ? [] : [config.route])];
  return given.map((entry) => (typeof entry === 'string' ? entry : entry.pattern));
}

const OTHER_WRANGLER =
  'The wrangler of this project reads its configuration in another way than is known here: npm install --save-dev wrangler@latest';

async function askWrangler(file: string | undefined, environment: string | undefined): Promise<ReaderAnswer> {
  const reader = fork(
    join(import.meta.dirname, 'wrangler-reader.js'),
    [pathOfWrangler(file), file ?? '', environment ?? ''],
    {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, ...QUIET },
    },
  );
  const errors: string[] = [];
  reader.stderr?.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const answer = once(reader, 'message').then(([message]): ReaderAnswer => message);
  const ended = once(reader, 'close').then(() => null);
  const first = await Promise.race([answer, ended]);
  if (first !== null) return first;
  throw new Exit(EXIT.usage, 'wrangler could not be run to read the configuration:', [
    ...errors.join('').trim().split('\n'),
  ]);
}

/**
 * Warnings are wanted whatever the user's own log level; a log file, figures for Cloudflare, and another
 * environment are not.
 */
const QUIET = {
  WRANGLER_LOG: 'warn',
  WRANGLER_WRITE_LOGS: 'false',
  WRANGLER_SEND_METRICS: 'false',
  CLOUDFLARE_ENV: undefined,
  // The code of whoever made the folder runs there, and has no need of it.
  ONCEGATE_ADMIN_TOKEN: undefined,
};

/**
 * The project's wrangler is the one that will deploy. It is not bundled, and takes a second to load, so only
 * who asks it waits.
 */
function pathOfWrangler(file: string | undefined): string {
  const places = [
    join(dirname(resolve(file ?? 'wrangler.jsonc')), 'x'),
    join(process.cwd(), 'x'),
    import.meta.url,
  ];
  for (const place of places) {
    try {
      return createRequire(place).resolve('wrangler');
    } catch {
      // Not there. The next place may have it.
    }
  }
  throw new Exit(
    EXIT.usage,
    'wrangler reads the configuration, and is not installed here: npm install --save-dev wrangler',
  );
}

function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') ? path : near;
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
