import { accessSync, constants, existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8');
const workflows = globSync('.github/workflows/*.yml', { cwd: root });
const forms = globSync('.github/ISSUE_TEMPLATE/!(config).yml', { cwd: root });

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Workflow {
  readonly permissions: unknown;
  readonly jobs: Readonly<
    Record<string, { readonly uses?: string; readonly needs?: string; readonly steps?: readonly Step[] }>
  >;
}

interface Field {
  readonly type: string;
  readonly id?: string;
  readonly attributes: { readonly label?: string; readonly value?: string; readonly options?: string[] };
}

test('there is a workflow for CI and one that deploys, a form for a fault and one for an idea', () => {
  expect(workflows.toSorted()).toEqual(['.github/workflows/ci.yml', '.github/workflows/deploy.yml']);
  expect(forms.toSorted()).toEqual(['.github/ISSUE_TEMPLATE/bug.yml', '.github/ISSUE_TEMPLATE/idea.yml']);
});

describe.each(workflows)('%s', (path) => {
  const text = read(path);
  const { permissions, jobs } = parse(text, { strict: true, uniqueKeys: true }) as Workflow;
  const steps = Object.values(jobs).flatMap((job) => job.steps ?? []);

  test('calls only what is there', () => {
    const local = [...Object.values(jobs), ...steps].flatMap(({ uses }) => uses ?? []);
    expect(local.length).toBeGreaterThan(0);
    for (const uses of local) {
      if (uses.startsWith('./')) expect(existsSync(`${root}/${uses}`)).toBe(true);
      else expect(uses).toMatch(/^[\w-]+\/[\w-]+@v\d+$/);
    }
    for (const [script = ''] of steps
      .map(({ run = '' }) => run.split(' '))
      .filter(([word]) => word?.includes('/')))
      accessSync(`${root}/${script}`, constants.X_OK);
    for (const { needs } of Object.values(jobs)) if (needs !== undefined) expect(jobs).toHaveProperty(needs);
  });

  test('may only read the repository, and says at its head which secrets and variables it needs', () => {
    expect(permissions).toEqual({ contents: 'read' });
    const [head = ''] = text.split(/^name:/m);
    for (const [, name = ''] of text.matchAll(/\b(?:secrets|vars)\.(\w+)/g)) expect(head).toContain(name);
  });
});

test('what deploys has passed CI', () => {
  const { jobs } = parse(read('.github/workflows/deploy.yml')) as Workflow;
  expect(jobs).toMatchObject({ check: { uses: './.github/workflows/ci.yml' }, deploy: { needs: 'check' } });
});

test.each(forms)('%s is a form as GitHub takes it', (path) => {
  const { name, description, body } = parse(read(path)) as {
    name: string;
    description: string;
    body: Field[];
  };
  expect([name, description].map((text) => typeof text)).toEqual(['string', 'string']);
  const asked = body.filter(({ type }) => type !== 'markdown');
  expect(asked.map(({ type }) => type)).toEqual(
    asked.map(() => expect.stringMatching(/^(textarea|input|dropdown|checkboxes)$/)),
  );
  expect(asked.map(({ attributes }) => attributes.label)).toEqual(asked.map(() => expect.any(String)));
  expect(new Set(asked.map(({ id }) => id)).size).toBe(asked.length);
  for (const { type, attributes } of body) {
    if (type === 'dropdown') expect(attributes.options?.length).toBeGreaterThan(1);
    if (type === 'markdown') expect(attributes.value).toEqual(expect.any(String));
  }
});
