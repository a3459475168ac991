import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A script that runs beside the tests and has said that it is ready. */
export interface RunningScript {
  /** What followed the word `ready` on its first line. */
  readonly url: string;
  /** Everything it has printed. */
  readonly output: readonly string[];
  /** Resolves when it has printed a line that matches. */
  printed(pattern: RegExp): Promise<string>;
  /** The process, which leads a group of its own. */
  readonly pid: number;
  /** Asks it to end. */
  stop(): Promise<void>;
  /** Ends it and all that it started, at once. */
  kill(): Promise<void>;
}

/** Starts a script of this folder. Rejects where it ends before it is ready. */
export async function startScript(name: string, ...args: string[]): Promise<RunningScript> {
  const script = fileURLToPath(new URL(name, import.meta.url));
  // A group of its own, so that a kill reaches the runtime that the script starts too.
  const child = spawn(process.execPath, [script, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Nor does it outlive whoever started it.
  const killGroup = () =>
    void (child.exitCode ?? child.signalCode ?? process.kill(-(child.pid ?? 0), 'SIGKILL'));
  process.once('exit', killGroup);
  child.once('exit', () => process.off('exit', killGroup));
  const output: string[] = [];
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      output.push(line);
      for (const watcher of watchers) watcher();
    });
  }
  const printed = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const line = output.find((candidate) => pattern.test(candidate));
        if (line === undefined) return;
        watchers.delete(look);
        resolve(line);
      };
      watchers.add(look);
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code}:\n${output.join('\n')}`)));
      look();
    });
  const ready = await printed(/^ready /);
  return {
    url: ready.replace(/^ready /, ''),
    output,
    printed,
    pid: child.pid ?? 0,
    stop: () => end(child, () => child.kill('SIGTERM')),
    kill: () => end(child, () => process.kill(-(child.pid ?? 0), 'SIGKILL')),
  };
}

async function end(child: ChildProcess, how: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  how();
  await exited;
}
