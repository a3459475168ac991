/** @module The options of all commands. Runs in: Node. */

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { EXIT, Exit } from './exit.ts';

/** Every option there is; each command names those it takes. */
const ALL = {
  json: { type: 'boolean' },
  url: { type: 'string' },
  key: { type: 'string' },
  state: { type: 'string' },
  route: { type: 'string' },
  limit: { type: 'string' },
  cursor: { type: 'string' },
  status: { type: 'string' },
  path: { type: 'string' },
  caller: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  count: { type: 'string' },
  id: { type: 'boolean' },
  env: { type: 'string' },
  upstream: { type: 'string' },
  name: { type: 'string' },
  force: { type: 'boolean' },
  hono: { type: 'boolean' },
  yes: { type: 'boolean' },
  interval: { type: 'string' },
  last: { type: 'string' },
  requests: { type: 'string' },
  connections: { type: 'string' },
  method: { type: 'string' },
  body: { type: 'string' },
  header: { type: 'string', multiple: true },
  'key-header': { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

/** The name of an option. */
export type OptionName = keyof typeof ALL;

/** What a list is narrowed to, by options of the same names. */
export const FILTERS = ['key', 'state', 'route', 'status', 'method', 'path', 'caller', 'from', 'to'] as const;

/** What the options narrow a list to. */
export function filterFrom(options: Parsed): Record<(typeof FILTERS)[number], string | undefined> {
  return Object.fromEntries(FILTERS.map((name) => [name, options.text(name)])) as Record<
    (typeof FILTERS)[number],
    string | undefined
  >;
}

/** The arguments of a command. */
export interface Parsed {
  readonly operands: readonly string[];
  text(name: OptionName): string | undefined;
  texts(name: OptionName): readonly string[];
  flag(name: OptionName): boolean;
  /** A whole number from `min` on. */
  count(name: OptionName, fallback: number, min?: number): number;
}

/** Parses the arguments after the command's name. `operands` says how many it takes besides options. */
export function parseOptions(
  args: readonly string[],
  names: readonly OptionName[],
  operands: { readonly min: number; readonly max: number },
): Parsed {
  const options = Object.fromEntries(names.map((name) => [name, ALL[name]]));
  const { values, positionals } = tryParse(args, options);
  if (positionals.length < operands.min) throw new Exit(EXIT.usage, 'Something is missing; see --help.');
  if (positionals.length > operands.max) {
    throw new Exit(EXIT.usage, `${positionals[operands.max]} is one too many; see --help.`);
  }
  const text = (name: OptionName) => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    operands: positionals,
    text,
    texts: (name) => {
      const value = values[name];
      return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
    },
    flag: (name) => values[name] === true,
    count: (name, fallback, min = 1) => {
      const given = text(name);
      if (given === undefined) return fallback;
      const value = Number(given);
      if (Number.isSafeInteger(value) && value >= min) return value;
      throw new Exit(EXIT.usage, `--${name} must be a whole number from ${min} on.`);
    },
  };
}

/** One execution in sixty-four has an id that begins with a dash, which is no option for that. */
const DASHED_ID = /^-[\w-]{42}$/;

function withIdsLast(args: readonly string[]): string[] {
  const ids = args.filter((arg) => DASHED_ID.test(arg));
  if (ids.length === 0 || args.includes('--')) return [...args];
  return [...args.filter((arg) => !DASHED_ID.test(arg)), '--', ...ids];
}

function tryParse(args: readonly string[], options: NonNullable<ParseArgsConfig['options']>) {
  try {
    return parseArgs({ args: withIdsLast(args), options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new Exit(EXIT.usage, whatIsWrong(error));
  }
}

/** What Node says in its own words and at length, in ours. */
function whatIsWrong(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [, name = ''] = /'(-[^' ]*)/.exec(error.message) ?? [];
  switch ('code' in error ? error.code : null) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      return `This command has no option ${name}; see --help. What begins with a dash and is none goes last, after --.`;
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE':
      return error.message.includes('does not take an argument')
        ? `${name} takes no value; see --help.`
        : `${name} needs a value; where that begins with a dash, ${name}=VALUE.`;
    default:
      return error.message;
  }
}
