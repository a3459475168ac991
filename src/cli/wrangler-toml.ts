import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { EXIT, Exit } from './exit.ts';

const bindings = v.optional(
  v.array(v.looseObject({ binding: v.optional(v.string()), name: v.optional(v.string()) })),
  [],
);

/** What of a wrangler.toml concerns the gateway. What else is in it is wrangler's to check. */
const environment = v.looseObject({
  vars: v.optional(v.record(v.string(), v.unknown()), {}),
  durable_objects: v.optional(
    v.looseObject({
      bindings: v.optional(v.array(v.looseObject({ name: v.string(), class_name: v.string() })), []),
    }),
    {},
  ),
  kv_namespaces: bindings,
  services: bindings,
  analytics_engine_datasets: bindings,
  ratelimits: bindings,
});

const file = v.looseObject({
  ...environment.entries,
  compatibility_date: v.optional(v.union([v.string(), v.date()])),
  migrations: v.optional(
    v.array(
      v.looseObject({
        new_classes: v.optional(v.array(v.string()), []),
        new_sqlite_classes: v.optional(v.array(v.string()), []),
      }),
    ),
    [],
  ),
  env: v.optional(v.record(v.string(), environment), {}),
});

export type WranglerToml = v.InferOutput<typeof file>;
export type WranglerEnvironment = v.InferOutput<typeof environment>;

/** Reads a wrangler.toml. Ends the command where it is not there, not TOML, or not of its form. */
export function readWranglerToml(path: string): WranglerToml {
  const parsed = v.safeParse(file, parseToml(path, readText(path)));
  if (parsed.success) return parsed.output;
  const why = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`).join('; ');
  throw new Exit(EXIT.no, `${path} is not a wrangler.toml. ${why}`);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Exit(EXIT.usage, `${path} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

function parseToml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof TomlError) throw new Exit(EXIT.no, `${path} is not TOML. ${error.message}`);
    throw error;
  }
}

/** The part that holds for an environment. Vars and bindings of the top level do not reach into one. */
export function environmentOf(
  toml: WranglerToml,
  path: string,
  name: string | undefined,
): WranglerEnvironment {
  if (name === undefined) return toml;
  const environment = toml.env[name];
  if (environment === undefined) throw new Exit(EXIT.usage, `${path} has no [env.${name}].`);
  return environment;
}
