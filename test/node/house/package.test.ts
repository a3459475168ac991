import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Project, projectWith } from '../cli/project.ts';

let project: Project;

beforeAll(async () => {
  project = await projectWith();
});

afterAll(() => project?.[Symbol.asyncDispose]());

/** What is not published, so that a page in the package cannot show it: sources, tests and what measures. */
const REPOSITORY = /^(src|test|bench|build|\.github)\//;

test('the pages come with the package, and so does what they link to', () => {
  const { installed } = project;
  const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: installed });
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'docs/settings.md']));
  const dead = pages.flatMap((page) =>
    [
      ...readFileSync(join(installed, page), 'utf8').matchAll(
        /(?:\]\(|(?:src|srcset|href)=")(?!\w+:|#)([^)#"\s]+)/g,
      ),
    ]
      .map(([, link = '']) => join(dirname(page), link))
      .filter((path) => !existsSync(join(installed, path)))
      .filter((path) => page === 'README.md' || !REPOSITORY.test(path))
      .map((path) => `${page} → ${path}`),
  );
  expect(dead).toEqual([]);
});

test('nothing of a developer’s machine comes with it', () => {
  const files = globSync('**/*', { cwd: project.installed });
  expect(files.filter((file) => /(^|\/)(node_modules|\.wrangler|\.dev\.vars)(\/|$)/.test(file))).toEqual([]);
});
