/** @module `oncegate check`. Runs in: Node. */

import { type BadSetting, type Config, parseConfig } from '../config.ts';
import { bytesText, durationText } from '../format.ts';
import { PIECE_BYTES } from '../record/format.ts';
import { unknownSettings } from '../unknown-settings.ts';
import { EXIT, Exit } from './exit.ts';
import { explain } from './explain.ts';
import { parseOptions } from './options.ts';
import { json, line, note } from './print.ts';
import { patternsOf, type ReadConfig, readWranglerConfig, type WranglerConfig } from './wrangler-config.ts';

/** Since then an object that works for nobody but itself is kept alive. */
export const OLDEST_COMPATIBILITY_DATE = '2026-10-01';

/**
 * `oncegate check [FILE]`: whether wrangler's configuration makes a gateway, and what each route of it will
 * do.
 */
export async function check(args: readonly string[]): Promise<void> {
  const options = parseOptions(args, ['json', 'env'], { min: 0, max: 1 });
  // wrangler takes the environment from there too.
  const environment = (options.text('env') ?? process.env.CLOUDFLARE_ENV) || undefined;
  const read = await readWranglerConfig(options.operands[0], environment);
  const result = checkConfig(read);
  const { path, warnings } = read;
  if (options.flag('json')) {
    json(
      result.ok
        ? {
            valid: true,
            path,
            routes: result.config.routes,
            hotSeconds: result.config.hotSeconds,
            warnings,
          }
        : { valid: false, path, problems: result.bad, warnings },
    );
  } else if (warnings.length > 0) {
    note('wrangler warns:');
    for (const warning of warnings) note(`  ${warning}`);
  }
  if (!result.ok) {
    throw new Exit(
      EXIT.no,
      `${path} is not valid:`,
      result.bad.map(({ setting, why }) => `  ${setting} ${why}`),
    );
  }
  if (options.flag('json')) return;
  line(`${path} is valid.`);
  for (const route of result.config.routes) {
    line();
    for (const text of explain(route)) line(text);
  }
  line();
  if (result.config.routes.length > 1) {
    line(
      'The first route whose path matches takes a request. Capital and small letters differ: where an upstream takes them for the same, a request may reach it by another route than is meant.',
    );
  }
  line(addressSentence(read.config));
  line(
    `A result is in the ledger and in RESULTS until its time ends; one of more than ${bytesText(PIECE_BYTES)} leaves the ledger after ${durationText(result.config.hotSeconds * 1000)}. ADMIN_TOKEN is a secret, which is not in this file: set it with “wrangler secret put ADMIN_TOKEN” to have the console.`,
  );
  const { operatorHost } = result.config;
  if (operatorHost !== null) {
    line(
      `The console and the operator’s API answer at ${operatorHost} only, and that host passes nothing on.`,
    );
  }
}

type CheckResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly bad: readonly BadSetting[] };

/** Checks settings as the gateway itself does, and the bindings and addresses that it needs. */
function checkConfig(read: ReadConfig): CheckResult {
  const { config } = read;
  const env = { ...config.vars, ...standIns(config) };
  const result = parseConfig(env);
  const bad = [...wranglerProblems(read), ...(result.ok ? [] : result.bad), ...unknownSettings(env)];
  return result.ok && bad.length === 0 ? result : { ok: false, bad };
}

/**
 * What stands where wrangler will put a binding, for the settings to be checked against. No variable is an
 * instance of it.
 */
class Binding {
  constructor(methods: object) {
    Object.assign(this, methods);
  }
}

/** The bindings that a configuration names. */
type Bindings = Pick<WranglerConfig, 'durable_objects' | 'kv_namespaces'> &
  Partial<Pick<WranglerConfig, 'services' | 'analytics_engine_datasets' | 'ratelimits'>>;

/** All bindings of a configuration, as far as settings are checked against them. */
export function standIns(config: Bindings): Record<string, Binding> {
  const { durable_objects, kv_namespaces, services, analytics_engine_datasets, ratelimits } = config;
  const nothing = () => {};
  const named = (names: readonly string[], methods: object) =>
    names.map((name) => [name, new Binding(methods)] as const);
  const ofBindings = (bindings: readonly { binding: string }[] = []) =>
    bindings.map(({ binding }) => binding);
  return Object.fromEntries([
    ...named(
      durable_objects.bindings.map(({ name }) => name),
      { getByName: nothing },
    ),
    ...named(ofBindings(kv_namespaces), { getWithMetadata: nothing }),
    ...named(ofBindings(services), { fetch: nothing }),
    ...named(ofBindings(analytics_engine_datasets), { writeDataPoint: nothing }),
    ...named(
      (ratelimits ?? []).map(({ name }) => name),
      { limit: nothing },
    ),
  ]);
}

/** What wrangler would let pass and the gateway, or another environment's, would not work with. */
function wranglerProblems({ config, environment, inheritedRoutes }: ReadConfig): BadSetting[] {
  const bad: BadSetting[] = [];
  const ledger = config.durable_objects.bindings.find(({ name }) => name === 'LEDGER');
  if (ledger !== undefined && ledger.class_name !== 'Ledger') {
    bad.push({ setting: 'LEDGER', why: `is of class ${ledger.class_name}, and must be of class Ledger` });
  }
  if (!config.migrations.some(({ new_sqlite_classes }) => new_sqlite_classes.includes('Ledger'))) {
    bad.push({ setting: 'migrations', why: 'must name Ledger in new_sqlite_classes: its storage is SQLite' });
  }
  const date = config.compatibility_date;
  if (date === undefined || date < OLDEST_COMPATIBILITY_DATE) {
    bad.push({
      setting: 'compatibility_date',
      why: `must be ${OLDEST_COMPATIBILITY_DATE} or later, so that a request goes on when its client has left`,
    });
  }
  if (Object.hasOwn(config.vars, 'ADMIN_TOKEN')) {
    bad.push({
      setting: 'ADMIN_TOKEN',
      why: 'is a secret and must not be in vars: take it out, and use “wrangler secret put ADMIN_TOKEN”',
    });
  }
  if (inheritedRoutes.length > 0) {
    bad.push({
      setting: 'routes',
      why: `of the top level reach into ${environment}, and its deploy would take ${inheritedRoutes.join(', ')} away from the top level’s Worker: give ${environment} routes of its own, or an empty list`,
    });
  }
  return bad;
}

function addressSentence(config: WranglerConfig): string {
  const patterns = patternsOf(config);
  // wrangler's default: on workers.dev where there is no route.
  const onWorkersDev = config.workers_dev ?? patterns.length === 0;
  const places = [...patterns, ...(onWorkersDev ? ['its workers.dev address'] : [])];
  return places.length === 0
    ? 'It has NO ADDRESS: workers_dev is false and there are no routes. Only service bindings reach it.'
    : `It answers at ${places.join(' and ')}.`;
}
