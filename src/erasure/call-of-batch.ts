/** From the rows of a batch to the call that is sent for them. */
import type { SendableItem } from '../store/attempts.js';
import type { Transaction } from '../store/database.js';
import { OpenedValues } from '../store/sealed-values.js';
import type { Vault } from '../store/vault.js';
import type { Call } from '../systems/system.js';
import { scopeKey } from './draft-items.js';
import type { CarriedItem } from './finished-call.js';

export interface OpenedItems {
  readonly items: readonly CarriedItem[];
  /** Of their requests. */
  readonly keys: ReadonlyMap<string, Buffer>;
}

/** The items with their personal values, which from here on stand in memory only. One that cannot be opened is left out. */
export async function openItems(tx: Transaction, vault: Vault, items: readonly SendableItem[]): Promise<OpenedItems> {
  const values = await OpenedValues.read(tx, vault, items);
  const opened = items.flatMap((item) => {
    const value = values.at(item);
    return value === null ? [] : [{ ...item, scope: value.scope, externalId: value.externalId }];
  });
  return { items: opened, keys: values.keys };
}

/** The call for these items: each ID once. Throws when they do not belong in one call, which no plan of ours makes. */
export function toCall(items: readonly CarriedItem[]): Call {
  const first = items[0];
  if (!first) throw new Error('a batch without items has no call');
  const selects = first.kind === 'selector';
  const ids = new Set<string>();
  for (const item of items) {
    if (scopeKey(item.scope) !== scopeKey(first.scope) || (item.kind === 'selector') !== selects) {
      throw new Error('items of different lanes stand in one batch');
    }
    if (item.externalId !== null) ids.add(item.externalId);
  }
  if (selects ? ids.size > 1 : ids.size === 0) throw new Error('a selector goes alone, and a call for IDs names some');
  return { scope: first.scope, ids: [...ids], selects };
}
