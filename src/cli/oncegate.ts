#!/usr/bin/env node
/** @module The command line: `oncegate COMMAND`. Runs in: Node. */

import { version } from '../../package.json';
import { bench } from './bench.ts';
import { check } from './check.ts';
import { executions } from './executions.ts';
import { EXIT, Exit } from './exit.ts';
import { failures } from './failures.ts';
import { forget } from './forget.ts';
import { init } from './init.ts';
import { line, note } from './print.ts';
import { show } from './show.ts';
import { tail } from './tail.ts';

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => void | Promise<void>>> = {
  init,
  check,
  executions,
  show,
  failures,
  forget,
  tail,
  bench,
};

const HELP = `oncegate ${version}: an idempotency gateway for Cloudflare Workers

Setting up
  init [DIRECTORY] --upstream URL [--name NAME] [--force]
                            write a wrangler.jsonc that puts a gateway in front of an upstream
  init [DIRECTORY] --hono [--yes]
                            add to a Hono project what the middleware of oncegate/hono needs, after showing what that changes
  check [FILE] [--env NAME] whether wrangler's configuration makes a gateway, and what each route will do

Looking at a gateway
  executions [FILTER] [--limit N] [--cursor C]
                            list executions, newest first
  show KEY                  what happened to this key; with --id, to this execution
  failures [--key KEY] [--route ROUTE] [--limit N]
                            list the runs that failed lately, newest first
  forget ID                 let the next request with its key run again
  forget FILTER [--count N] the same for all that match, at most 200; without their number, says it
  tail [--state S] [--route PATH] [--interval SECONDS] [--last N]
                            print executions as they begin and change, after the last N

  FILTER is any of --key KEY --state running|completed|unknown --route ROUTE --status N --method M --path PREFIX
  --caller NAME --from TIME --to TIME, with times in UTC such as 2026-11-25T14:30:00Z

Measuring
  bench URL [--requests N] [--connections N] [--method M] [--body TEXT] [--header 'NAME: VALUE'] [--key-header NAME]
                            send requests with new keys, then again. They RUN upstream

Every command takes --json. A gateway is named by its origin, https://gate.example.com, in --url or ONCEGATE_URL, and
opened by ONCEGATE_ADMIN_TOKEN; --header 'NAME: VALUE' sends a field with each request, as a proxy in front may want.

Exit codes: 0 done · 1 the answer is no (not valid, not known, not forgotten, errors) · 2 wrong use ·
3 the gateway cannot be reached · 4 the admin token is missing or wrong
`;

async function main([name, ...args]: readonly string[]): Promise<void> {
  if (
    name === undefined ||
    name === 'help' ||
    name === '--help' ||
    name === '-h' ||
    args.includes('--help')
  ) {
    process.stdout.write(HELP);
    if (name === undefined) process.exitCode = EXIT.usage;
    return;
  }
  if (name === '--version') return line(version);
  if (typeof URL.parse !== 'function')
    throw new Exit(EXIT.usage, 'This needs Node 22 or later, as wrangler does.');
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new Exit(EXIT.usage, `There is no command ${name}; see --help.`);
  await command(args);
}

// Whoever reads may have had enough, as with “| head”. That is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Exit)) throw error;
  for (const text of [error.message, ...error.more]) note(text);
  process.exitCode = error.code;
}
