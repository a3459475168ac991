import { expect, test } from 'vitest';
import { fuzz } from './campaign.ts';

test('whatever arrives is answered properly or not at all, and what is refused is not sent on', async () => {
  const { answers, faults } = await fuzz(1, 1_000);
  expect(faults).toEqual([]);
  expect([...answers.keys()]).toContain('400 key-invalid');
});
