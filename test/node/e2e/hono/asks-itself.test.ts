import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshKey, post, type RunningApp, startApp } from './world.ts';

let app: RunningApp;

beforeAll(async () => {
  app = await startApp('asks-itself.ts');
});

afterAll(() => app[Symbol.asyncDispose]());

async function seen(): Promise<string[]> {
  return (await fetch(`${app.url}/_seen`)).json() as Promise<string[]>;
}

test('what a handler asks of its own Worker runs once, however the Worker wraps its context', async () => {
  const mark = freshKey();
  const response = await fetch(`${app.url}/derived`, { method: 'POST', body: `outer ${mark}` });
  const [first, second]: string[] = await response.json();
  expect(second).toBe(first);
  expect((await seen()).filter((body) => body === `inner ${mark}`)).toHaveLength(1);
});

test('an app that asks itself with a new key each time comes to an end, and the operator is told', async () => {
  const response = await post(`${app.url}/renewed`, freshKey());
  expect(response.status).toBe(508);
  const { detail }: { detail: string } = await response.json();
  expect(detail).toContain('sets a new key on each request');
  expect((await seen()).filter((what) => what === 'renewed').length).toBeLessThan(20);
  expect(app.output.filter((line) => line.includes('"event":"loop-detected"'))).toHaveLength(1);
});
