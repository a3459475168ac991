import { reset } from 'cloudflare:test';
import { afterEach, expect, test } from 'vitest';
import { problemTypes } from '../../../src/response/problem.ts';
import { browse, operator, post } from './gate.ts';

afterEach(() => reset());

const CONSOLE = [
  '/',
  '/console/executions',
  '/console/executions?state=lost',
  '/console/executions/none',
  '/console/configuration',
  '/console/forgotten',
  '/console/no-such-page',
];

async function expectDocument(response: Response, path: string): Promise<void> {
  expect(response.headers.get('content-type'), path).toBe('text/html; charset=UTF-8');
  expect(await response.text(), path).toMatch(/^<!doctype html><html lang="en"><head>/);
}

test('every page is a document of today, not of the nineties', async () => {
  await post('/count/x', 'key');
  const { executions }: { executions: { id: string }[] } = await (await operator('/executions')).json();
  const id = executions[0]?.id;
  for (const path of [...CONSOLE, `/console/executions/${id}`]) {
    await expectDocument(await operator(path), path);
    await expectDocument(await browse(path), `${path} without a login`);
  }
  for (const path of [
    '/login',
    ...['nothing', ...Object.keys(problemTypes)].map((slug) => `/problems/${slug}`),
  ]) {
    await expectDocument(await browse(path), path);
  }
});
