import { reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, expect, test, vi } from 'vitest';
import { browse, operator, post } from './gate.ts';

const ledger = () => env.LEDGER.getByName('/*:0');

afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

test('a damaged record is not taken for one that was too large: by client, log, API, metrics and console', async () => {
  const errors = vi.spyOn(console, 'error').mockImplementation(() => {});
  await post('/count/x', 'key');
  await runInDurableObject(ledger(), (_, { storage }) => {
    storage.sql.exec("UPDATE executions SET rest = x'00'");
  });
  const refused = await post('/count/x', 'key');
  expect(refused.status).toBe(409);
  expect(refused.headers.get('x-should-retry')).toBe('false');
  expect(refused.headers.get('cache-status')).toContain('detail=record-damaged');
  const { type, title }: { type: string; title: string } = await refused.json();
  expect(type).toMatch(/\/problems\/record-damaged$/);
  expect(title).toContain('damaged');
  expect(errors.mock.calls.flat().join()).toContain('"event":"record-damaged","place":"ledger"');

  await runDurableObjectAlarm(ledger());
  const list: { executions: { id: string; refusals: object }[] } = await (
    await operator('/executions')
  ).json();
  expect(list.executions[0]?.refusals).toMatchObject({ 'record-damaged': 1, 'not-recorded': 0 });
  expect(await (await operator('/metrics')).text()).toContain(
    'oncegate_refusals_total{route="/*",reason="record-damaged"} 1\n',
  );
  const page = await (await operator(`/console/executions/${list.executions[0]?.id}`)).text();
  expect(page).toContain('its record is damaged');
  expect(page).toContain('Refused: record damaged');
});

test('its page says what an operator can do, and blames no limit', async () => {
  const page = await (await browse('/problems/record-damaged')).text();
  expect(page).toContain('forget the execution');
  expect(page).not.toContain('MAX_RECORD_BYTES');
});
