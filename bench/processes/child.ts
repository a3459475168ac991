import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A process that the benchmark started and that has said that it is ready. */
export interface Running {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Runs one of the benchmark's own scripts. It prints `ready URL` when it listens. */
export function startScript(script: URL, ...args: string[]): Promise<Running> {
  return start(process.execPath, [fileURLToPath(script), ...args], (line) => /^ready (\S+)$/.exec(line)?.[1]);
}

/**
 * Runs a program until it says, on its standard output or on file descriptor 3, where it listens. Rejects,
 * with the last of what it printed, where it ends before that.
 */
export async function start(
  command: string,
  args: readonly string[],
  urlIn: (line: string) => string | undefined,
  env: Readonly<Record<string, string>> = {},
  /** What it prints is read, or thrown away at no cost to anybody. */
  stdout: 'pipe' | 'ignore' = 'pipe',
): Promise<Running> {
  const child = spawn(command, args, {
    stdio: ['ignore', stdout, 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const last: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr, child.stdio[3]]) {
      if (stream === null || stream === undefined || !('read' in stream)) continue;
      createInterface(stream).on('line', (line) => {
        const found = urlIn(line);
        if (found !== undefined) resolve(found);
        last.push(line);
        if (last.length > LAST_LINES) last.shift();
      });
    }
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}:\n${last.join('\n')}`)));
  });
  return { url, pid: child.pid ?? 0, stop: () => stop(child) };
}

const LAST_LINES = 20;

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
