import { expect, test } from 'vitest';
import { oncegate } from './run.ts';

const GATE = ['--url', 'http://gate.example'];

test.each([
  [['nonsense'], 'There is no command nonsense'],
  [['init'], 'In front of what?'],
  [['check', '/nowhere/wrangler.toml'], '/nowhere/wrangler.toml cannot be read.'],
  [['check', '--nonsense'], 'This command has no option --nonsense'],
  [['check', '--env'], '--env needs a value'],
  [['check', '--json=yes'], '--json takes no value'],
  [['check', 'one', 'two'], 'two is one too many'],
  [['show'], 'Something is missing'],
  [['show', 'é', ...GATE], 'visible ASCII'],
  [['show', 'a\u001b[2J', ...GATE], 'visible ASCII'],
  [['tail', '--last', '201', ...GATE], '--last must be'],
  [['tail', '--interval', '-1', ...GATE], '--interval needs a value'],
  [['executions', '--limit', '--json', ...GATE], '--limit needs a value'],
  [['executions', ...GATE, '--header', 'nonsense'], '--header takes a field'],
  [['bench', 'not-a-url'], 'not-a-url is not an http or https URL.'],
  [['bench', 'http://user:password@gate.example/'], 'Credentials go into --header'],
  [['bench', 'http://gate.example/', '--method', 'G T'], 'No request can be made'],
  [['bench', 'http://gate.example/', '--method', 'GET', '--body', 'x'], 'No request can be made'],
  [['bench', 'http://gate.example/', '--key-header', 'a b'], 'No request can be made'],
  [['bench', 'http://gate.example/', '--requests', 'many'], '--requests must be a whole number'],
])('oncegate %j is wrong use, and is told so in words', async (args, why) => {
  const { code, err } = await oncegate(args, { ONCEGATE_ADMIN_TOKEN: 'x' });
  expect(code).toBe(2);
  expect(err).toContain(why);
  expect(err).not.toMatch(/Expected|received|Error|argument|node:|\n {4}at /);
});

test('without a command, the help is shown', async () => {
  expect(await oncegate([])).toMatchObject({ code: 2, out: expect.stringContaining('oncegate') });
});

test.each([
  'gate.example',
  'ftp://gate.example',
  'https://gate.example/_oncegate',
  'https://gate.example/api/',
  'https://gate.example/?',
  'https://gate.example?x=1',
  'https://gate.example/#',
  'https://operator@gate.example',
  'https://operator:password@gate.example',
])('%s is no origin, and nothing is sent there', async (url) => {
  const given = await oncegate(['executions', '--url', url], { ONCEGATE_ADMIN_TOKEN: 'x' });
  expect(given.code).toBe(2);
  expect(given.err).not.toContain('password@');
  expect((await oncegate(['executions'], { ONCEGATE_ADMIN_TOKEN: 'x', ONCEGATE_URL: url })).code).toBe(2);
});
