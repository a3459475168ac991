import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../cli/build.ts';
import { projectWith } from '../cli/project.ts';
import { oncegate } from '../cli/run.ts';

const run = promisify(execFile);

let project: string;
/** What somebody has who installs it. */
let installed: string;

beforeAll(async () => {
  ({ directory: project, installed } = await projectWith('wrangler'));
});

afterAll(() => rm(project, { recursive: true, force: true }));

/** Of which packages a bundle holds code: each piece is headed by where it comes from. */
async function bundledIn(): Promise<Set<string>> {
  const files = await readdir(`${installed}/dist`, { recursive: true });
  const names = new Set<string>();
  for (const file of files.filter((file) => file.endsWith('.js'))) {
    const text = await readFile(`${installed}/dist/${file}`, 'utf8');
    for (const [, name = ''] of text.matchAll(/^ *\/\/ .*node_modules\/((?:@[^/\s]+\/)?[^/\s]+)\/\S+$/gm))
      names.add(name);
  }
  return names;
}

test('the package holds the licence of each package whose code is in it, word for word', async () => {
  const notices = await readFile(`${installed}/dist/THIRD-PARTY-NOTICES.txt`, 'utf8');
  const names = await bundledIn();
  expect([...names]).toEqual(expect.arrayContaining(['hono', 'valibot', 'structured-headers']));
  for (const name of names) {
    const directory = `${root}/node_modules/${name}`;
    const { version } = JSON.parse(await readFile(`${directory}/package.json`, 'utf8'));
    const [file = ''] = (await readdir(directory)).filter((file) => /^licen[cs]e/i.test(file));
    expect(notices).toContain(`\n${name} ${version} (`);
    expect(notices).toContain((await readFile(`${directory}/${file}`, 'utf8')).trim());
  }
});

test('what is bundled is what the page on dependencies says', async () => {
  const page = await readFile(`${root}/docs/dependencies.md`, 'utf8');
  const [table = ''] = page.split('To build and test');
  const said = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name);
  expect(said.toSorted()).toEqual([...(await bundledIn())].toSorted());
});

test('wrangler is not bundled, and what init writes deploys with the package as it is', async () => {
  const cli = `${installed}/dist/cli/oncegate.js`;
  const init = ['init', '.', '--upstream', 'https://api.example.com'];
  expect((await oncegate(init, {}, project, cli)).code).toBe(0);
  expect(await oncegate(['check'], {}, project, cli)).toMatchObject({ code: 0, err: '' });
  const wrangler = `${root}/node_modules/wrangler/bin/wrangler.js`;
  const deploy = [wrangler, 'deploy', '--dry-run', '--outdir', 'out'];
  const { stdout } = await run(process.execPath, deploy, { cwd: project });
  expect(stdout).toContain('env.LEDGER');
  expect(await readFile(`${project}/out/index.js`, 'utf8')).toContain('config-invalid');
});

interface Advisory {
  readonly severity: string;
  readonly vulnerable_versions: string;
}

/** The audit, with a registry that knows these advisories. */
async function audit(advisories: Record<string, Advisory[]> | null) {
  const registry = createServer((request, response) => {
    response.writeHead(advisories === null ? 405 : 200, { 'content-type': 'application/json' });
    // The advisories are asked for first, and then what each package that has one is.
    response.end(JSON.stringify(request.method === 'POST' ? advisories : documentOf(request.url ?? '')));
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  const { port } = registry.address() as AddressInfo;
  const env = {
    ...process.env,
    npm_config_registry: `http://127.0.0.1:${port}/`,
    // npm remembers what an advisory came to.
    npm_config_cache: await mkdtemp(`${project}/cache-`),
  };
  try {
    const { stdout, stderr } = await run(process.execPath, [`${root}/build/audit.ts`], { env });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: stdout + stderr };
  } finally {
    registry.close();
  }
}

function documentOf(path: string): object {
  const name = decodeURIComponent(path.slice(1));
  const version = '1.0.0';
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { name, version } } };
}

function advisory(severity: string): Advisory[] {
  return [
    {
      ...{
        id: 1,
        url: 'https://github.com/advisories/x',
        title: 'A hole',
        cwe: [],
        cvss: { score: 0, vectorString: null },
      },
      severity,
      vulnerable_versions: '*',
    },
  ];
}

test.each([
  ['nothing', {}, 0, 'Nothing is known against any package.'],
  ['a slight hole in what is bundled', { hono: advisory('low') }, 1, 'NO  hono *: low, BUNDLED'],
  ['a slight hole in what builds', { 'axe-core': advisory('moderate') }, 0, 'ok  axe-core'],
  ['a high one in what builds', { 'axe-core': advisory('high') }, 1, 'NO  axe-core'],
  ['no answer', null, 2, 'nothing is known'],
])('the audit, with %s known, ends as it means', async (_, advisories, code, text) => {
  expect(await audit(advisories)).toMatchObject({ code, text: expect.stringContaining(text) });
});
