import { describe, expect, test, vi } from 'vitest';
import { runBatch } from '../../../src/client/index.ts';

const keysOf = async <Item>(
  items: Item[],
  options: { batchId: string; itemId?: (item: Item) => string | number },
) => {
  const { outcomes } = await runBatch(items, () => null, options);
  return outcomes.map(({ key }) => key);
};

describe('an item’s key', () => {
  const items = [{ sku: 'a' }, { sku: 'b' }, { sku: 'c' }];
  const itemId = (item: { sku: string }) => item.sku;

  test('is the same on every run, and another in another batch', async () => {
    expect(await keysOf(items, { batchId: '1' })).toEqual(await keysOf(items, { batchId: '1' }));
    const all = [...(await keysOf(items, { batchId: '1' })), ...(await keysOf(items, { batchId: '2' }))];
    expect(new Set(all).size).toBe(6);
  });

  test.each([
    ['by content', {}],
    ['by itemId', { itemId }],
  ])('%s does not depend on its place', async (_name, options) => {
    const keys = await keysOf(items, { batchId: '1', ...options });
    expect(await keysOf(items.toReversed(), { batchId: '1', ...options })).toEqual(keys.toReversed());
    expect(await keysOf(items.slice(1), { batchId: '1', ...options })).toEqual(keys.slice(1));
  });

  test('by itemId does not depend on the rest of the item', async () => {
    const changed = items.map((item) => ({ ...item, price: 1 }));
    expect(await keysOf(changed, { batchId: '1', itemId })).toEqual(
      await keysOf(items, { batchId: '1', itemId }),
    );
    expect(await keysOf<unknown>(changed, { batchId: '1' })).not.toEqual(
      await keysOf<unknown>(items, { batchId: '1' }),
    );
  });

  test('is another one for the second of two identical items', async () => {
    expect(new Set(await keysOf(['a', 'a', 'a'], { batchId: '1' })).size).toBe(3);
  });

  test('cannot be shared through itemId: nothing is run', async () => {
    const worker = vi.fn();
    const run = runBatch(['a', 'b'], worker, { batchId: '1', itemId: () => 'same' });
    await expect(run).rejects.toThrow(/^itemId: item 1 has the same id/);
    expect(worker).not.toHaveBeenCalled();
  });

  test('cannot be made of what is not plain data', async () => {
    await expect(runBatch([new Date()], () => 1, { batchId: '1' })).rejects.toThrow(/^itemId: item 0 /);
  });
});
