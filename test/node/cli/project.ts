import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { root } from './build.ts';

/** A folder of somebody's own, with the package in it as it is published. */
export interface Project extends AsyncDisposable {
  readonly directory: string;
  /** Where the package is. */
  readonly installed: string;
}

/** Packs the package and installs it in a new folder, beside others, which are those of this repository. */
export async function projectWith(...others: readonly string[]): Promise<Project> {
  const directory = await mkdtemp(`${tmpdir()}/oncegate-project-`);
  const installed = `${directory}/node_modules/oncegate`;
  // The tests build once for all of them; prepack would build under the others’ feet.
  const packing = ['pack', root, '--json', '--ignore-scripts'];
  const [packed]: [{ filename: string }] = JSON.parse(
    execFileSync('npm', packing, { cwd: directory, encoding: 'utf8' }),
  );
  await mkdir(installed, { recursive: true });
  execFileSync('tar', ['-xzf', `${directory}/${packed.filename}`, '-C', installed, '--strip-components=1']);
  for (const name of others) {
    const at = `${directory}/node_modules/${name}`;
    await mkdir(dirname(at), { recursive: true });
    // Another version of Hono, see e2e/hono/range.ts.
    const from = name === 'hono' ? (process.env.HONO_AT ?? root) : root;
    await symlink(`${from}/node_modules/${name}`, at);
  }
  await writeFile(`${directory}/package.json`, '{"type":"module"}');
  return {
    directory,
    installed,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
