/** @module A key for each item of a batch. Runs in: any runtime. */

import { deterministicKey, type KeyPart } from './keys.ts';

/** An item with its key. */
export interface ItemKey<Item> {
  readonly item: Item;
  readonly key: string;
}

/**
 * A key for each item of a batch, from `batchId` and what identifies the item, never from its place alone.
 *
 * @throws {TypeError} two items share an `itemId`, or an item has no identity that a key can be made of
 */
export async function itemKeys<Item>(
  items: readonly Item[],
  { batchId, itemId }: { readonly batchId: string; readonly itemId?: (item: Item, index: number) => KeyPart },
): Promise<ItemKey<Item>[]> {
  const keys: ItemKey<Item>[] = [];
  const seen = new Map<string, number>();
  for (const [index, item] of items.entries()) {
    // Without itemId an item has to be plain data, which deterministicKey itself checks.
    const identity = itemId ? itemId(item, index) : (item as KeyPart);
    const key = await deterministicKey('oncegate/batch', batchId, identity).catch((error: Error) => {
      throw new TypeError(
        `itemId: item ${index} has no identity that a key can be made of (${error.message})`,
      );
    });
    const twins = seen.get(key) ?? 0;
    seen.set(key, twins + 1);
    if (itemId && twins > 0) throw new TypeError(`itemId: item ${index} has the same id as one before it`);
    keys.push({ item, key: twins === 0 ? key : await deterministicKey('oncegate/batch twin', key, twins) });
  }
  return keys;
}
