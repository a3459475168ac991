import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { root } from './build.ts';

const wrangler = `${root}/node_modules/wrangler/bin/wrangler.js`;

const env = { ...process.env, CI: '1', WRANGLER_SEND_METRICS: 'false', WRANGLER_WRITE_LOGS: 'false' };

/** Bundles a project as a deploy would, into `out`; what wrangler says. */
export async function dryRun(directory: string, out: string, ...args: string[]): Promise<string> {
  const deploy = [wrangler, 'deploy', '--dry-run', '--outdir', out, ...args];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, deploy, { cwd: directory, env });
  return stdout + stderr;
}

export interface Dev extends AsyncDisposable {
  readonly url: string;
  readonly output: readonly string[];
}

/** Runs a command that ends up in `wrangler dev`, until it is disposed of. */
export async function startDev(
  { directory, environment = {} }: { directory: string; environment?: Readonly<Record<string, string>> },
  command: string,
  ...args: string[]
): Promise<Dev> {
  const child = spawn(command, args, {
    cwd: directory,
    env: { ...env, ...environment },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = () => void (child.exitCode ?? child.signalCode ?? process.kill(-(child.pid ?? 0), 'SIGKILL'));
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  const output: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => {
        output.push(line);
        const [, ready] = /Ready on (http:\/\/[\w.:]+)/.exec(line) ?? [];
        if (ready !== undefined) resolve(ready);
      });
    }
    child.once('exit', (code) => reject(new Error(`it ended with ${code}:\n${output.join('\n')}`)));
  });
  return {
    url,
    output,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      end();
      await exited;
    },
  };
}

/** `wrangler dev` on a port of its own. */
export function startWranglerDev(directory: string): Promise<Dev> {
  return startDev({ directory }, process.execPath, wrangler, 'dev', '--port', '0', '--ip', '127.0.0.1');
}
