import { type BadSetting, type Config, parseConfig } from '../config.ts';
import { EXIT, Exit } from './exit.ts';
import { explain } from './explain.ts';
import { parseOptions } from './options.ts';
import { json, line } from './print.ts';
import {
  environmentOf,
  readWranglerToml,
  type WranglerEnvironment,
  type WranglerToml,
} from './wrangler-toml.ts';

/** Since then an object that works for nobody but itself is kept alive. */
const OLDEST_COMPATIBILITY_DATE = '2026-10-01';

/** `oncegate check [FILE]`: whether a wrangler.toml makes a gateway, and what each route of it will do. */
export function check(args: readonly string[]): void {
  const options = parseOptions(args, ['json', 'env'], { min: 0, max: 1 });
  const path = options.operands[0] ?? 'wrangler.toml';
  const result = checkFile(path, options.text('env'));
  if (options.flag('json')) {
    json(
      result.ok
        ? { valid: true, routes: result.config.routes, hotSeconds: result.config.hotSeconds }
        : { valid: false, problems: result.bad },
    );
  }
  if (!result.ok) {
    const problems = result.bad.map(({ setting, why }) => `\n  ${setting} ${why}`).join('');
    throw new Exit(EXIT.no, `${path} is not valid:${problems}`);
  }
  if (options.flag('json')) return;
  line(`${path} is valid.`);
  for (const route of result.config.routes) {
    line();
    for (const text of explain(route)) line(text);
  }
  line();
  line(
    `A result is in the ledger for ${result.config.hotSeconds} s and in RESULTS until its time ends. ADMIN_TOKEN is a secret, which is not in this file: set it with “wrangler secret put ADMIN_TOKEN” to have the console.`,
  );
  const { operatorHost } = result.config;
  if (operatorHost !== null) {
    line(
      `The console and the operator’s API answer at ${operatorHost} only, and that host passes nothing on.`,
    );
  }
}

export type CheckResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly bad: readonly BadSetting[] };

/** Checks settings as the gateway itself does, and the bindings that it needs. */
export function checkFile(path: string, env: string | undefined): CheckResult {
  const toml = readWranglerToml(path);
  const environment = environmentOf(toml, path, env);
  const result = parseConfig({ ...environment.vars, ...standIns(environment) });
  const bad = [...bindingProblems(toml, environment), ...(result.ok ? [] : result.bad)];
  return result.ok && bad.length === 0 ? result : { ok: false, bad };
}

/** What stands where wrangler will put a binding, for the settings to be checked against. */
function standIns(environment: WranglerEnvironment): Record<string, object> {
  const nothing = () => {};
  const objects = environment.durable_objects.bindings ?? [];
  return Object.fromEntries([
    ...objects.map(({ name }) => [name, { getByName: nothing }]),
    ...namesOf(environment.kv_namespaces).map((name) => [name, { getWithMetadata: nothing }]),
    ...namesOf(environment.services).map((name) => [name, { fetch: nothing }]),
    ...namesOf(environment.analytics_engine_datasets).map((name) => [name, { writeDataPoint: nothing }]),
    ...namesOf(environment.ratelimits).map((name) => [name, { limit: nothing }]),
  ]);
}

function namesOf(bindings: readonly { binding?: string | undefined; name?: string | undefined }[]): string[] {
  return bindings.flatMap(({ binding, name }) => binding ?? name ?? []);
}

/** What wrangler would let pass and the gateway would not work with. */
function bindingProblems(toml: WranglerToml, environment: WranglerEnvironment): BadSetting[] {
  const bad: BadSetting[] = [];
  const ledger = environment.durable_objects.bindings?.find(({ name }) => name === 'LEDGER');
  if (ledger !== undefined && ledger.class_name !== 'Ledger') {
    bad.push({ setting: 'LEDGER', why: `is of class ${ledger.class_name}, and must be of class Ledger` });
  }
  if (!toml.migrations.some(({ new_sqlite_classes }) => new_sqlite_classes.includes('Ledger'))) {
    bad.push({ setting: 'migrations', why: 'must name Ledger in new_sqlite_classes: its storage is SQLite' });
  }
  const date = toml.compatibility_date;
  const day = date instanceof Date ? date.toISOString().slice(0, 10) : date;
  if (day === undefined || day < OLDEST_COMPATIBILITY_DATE) {
    bad.push({
      setting: 'compatibility_date',
      why: `must be ${OLDEST_COMPATIBILITY_DATE} or later, so that a request goes on when its client has left`,
    });
  }
  if (Object.hasOwn(environment.vars, 'ADMIN_TOKEN')) {
    bad.push({
      setting: 'ADMIN_TOKEN',
      why: 'is a secret and must not be in [vars]: take it out, and use “wrangler secret put ADMIN_TOKEN”',
    });
  }
  return bad;
}
