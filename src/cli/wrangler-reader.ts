/**
 * @module Reads a configuration file as wrangler itself does, in a process of its own: wrangler takes a
 * second to load, warns on the console, and may ask the registry whether there is a newer one. What it found
 * goes to the parent as one message. Runs in: Node.
 *
 * Arguments: the path of the wrangler module; the file, or nothing for the one that wrangler finds; the
 * environment, or nothing.
 */

import { pathToFileURL } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

/** What the parent gets. */
export type ReaderAnswer =
  | {
      readonly kind: 'read';
      readonly path: string;
      /**
       * What holds for the environment asked for, and what does for the top level; both as wrangler completes
       * them.
       */
      readonly config: unknown;
      readonly top: unknown;
      /** Whether the environment names routes itself, and does not have those of the top level. */
      readonly hasOwnRoutes: boolean;
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'no-file' }
  | { readonly kind: 'no-environment'; readonly path: string; readonly environments: readonly string[] }
  | { readonly kind: 'not-valid'; readonly why: readonly string[] }
  /** It has not the functions that are asked. */
  | { readonly kind: 'other-wrangler' };

const [, , modulePath = '', file = '', environment = ''] = process.argv;

const warned: string[] = [];
console.warn = (text: unknown) => warned.push(String(text));
console.log = () => {};
console.info = () => {};

const answer = await read();
process.send?.(answer, () => process.exit());

async function read(): Promise<ReaderAnswer> {
  const { unstable_readConfig: readConfig, experimental_readRawConfig: readRawConfig } = await import(
    pathToFileURL(modulePath).href
  );
  if (typeof readConfig !== 'function' || typeof readRawConfig !== 'function') {
    return { kind: 'other-wrangler' };
  }
  const named = file === '' ? {} : { config: file };
  try {
    const { rawConfig, configPath: path } = readRawConfig(named);
    if (path === undefined) return { kind: 'no-file' };
    const environments = Object.keys(rawConfig.env ?? {});
    if (environment !== '' && !environments.includes(environment)) {
      return { kind: 'no-environment', path, environments };
    }
    const top = readConfig(named, { hideWarnings: environment !== '' });
    const own = environment === '' ? rawConfig : rawConfig.env[environment];
    const config = environment === '' ? top : readConfig({ ...named, env: environment });
    const hasOwnRoutes = own.routes !== undefined || own.route !== undefined;
    return { kind: 'read', path, config, top, hasOwnRoutes, warnings: warned.flatMap(linesOf) };
  } catch (error) {
    return { kind: 'not-valid', why: whyNotValid(error) };
  }
}

/**
 * What wrangler says below its heading, «Processing … configuration:», without its colours and its margin.
 */
function linesOf(text: string): string[] {
  const lines = stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.trim() !== '' && !/Processing .* configuration:$/.test(line));
  const margin = Math.min(...lines.map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(margin));
}

/**
 * An error of a parser has a place, and says what was wrong there in one word of its own: `ValueExpected`.
 * The line itself is not shown: what is misplaced there may be a secret, and this may be somebody's build
 * log.
 */
function whyNotValid(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  const place: unknown = Reflect.get(error, 'location');
  if (typeof place !== 'object' || place === null || !('line' in place)) return linesOf(error.message);
  const what = /^[A-Z][a-z]+([A-Z][a-z]+)+$/.test(error.message)
    ? error.message.replace(/\B[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    : error.message;
  return [...linesOf(what), `In line ${place.line}.`];
}
