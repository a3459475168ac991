import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { CLI } from './build.ts';

export const TOKEN = 'the-admin-token-of-the-tests';

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `oncegate` with these arguments to its end. */
export async function oncegate(
  args: readonly string[],
  env: Record<string, string> = {},
  cwd: string = process.cwd(),
  cli: string = CLI,
): Promise<Ended> {
  const child = start(args, env, cwd, cli);
  const out = collect(child.stdout);
  const err = collect(child.stderr);
  const [code] = await once(child, 'close');
  return { code: Number(code), out: out.join('\n'), err: err.join('\n') };
}

/** Runs `oncegate` until it is told to stop. */
export function start(
  args: readonly string[],
  env: Record<string, string> = {},
  cwd: string = process.cwd(),
  cli: string = CLI,
): ChildProcess {
  const { ONCEGATE_URL: _, ONCEGATE_ADMIN_TOKEN: __, CLOUDFLARE_ENV: ___, ...inherited } = process.env;
  return spawn(process.execPath, [cli, ...args], {
    cwd,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The lines that a stream brings, as they come. */
export function collect(stream: NodeJS.ReadableStream | null): string[] {
  const lines: string[] = [];
  if (stream !== null) createInterface(stream).on('line', (line) => lines.push(line));
  return lines;
}
