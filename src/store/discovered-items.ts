/** Items that only a selector's answer revealed: one per selector and ID, which later passes update. */
import type { History } from '../core/history.js';
import type { ItemGroup } from './insert-items.js';
import type { Statement, Transaction } from './database.js';

export interface DiscoveredItem extends History {
  readonly requestId: string;
  readonly id: string;
  readonly selectorId: string;
  readonly digest: string;
  readonly outcome: string;
  /** True while a call of its own is under way. */
  readonly claimed: boolean;
  /** True once a person closed it. */
  readonly resolved: boolean;
}

const READ_DISCOVERED: Statement = {
  name: 'read-discovered',
  text: `select i.request_id as "requestId", i.id, i.selector_id as "selectorId", encode(i.digest, 'hex') as digest, i.outcome,
      i.spent, i.strikes, i.backoff, i.passes, i.unknown_effect as "unknownEffect", i.erased_seen as "erasedSeen",
      i.matched::float8 as matched, (extract(epoch from i.unclear_since) * 1000)::float8 as "unclearSinceMs",
      i.resolution is not null as resolved,
      exists (select from claim c where c.request_id = i.request_id and c.item_id = i.id) as claimed
    from item i where i.selector_id = any ($1::uuid[])`,
};

/** Everything that earlier passes of these selectors revealed. */
export async function readDiscovered(tx: Transaction, selectorIds: readonly string[]): Promise<DiscoveredItem[]> {
  return tx.rows<DiscoveredItem>(READ_DISCOVERED, [selectorIds]);
}

const MARK_UNKNOWN_EFFECT: Statement = {
  name: 'mark-unknown-effect',
  text: `update item set unknown_effect = true
    where selector_id = any ($1::uuid[]) and (selector_id = any ($2::uuid[]) or id = any ($3::uuid[]))
      and outcome in ('pending', 'failed', 'unconfirmed') and not unknown_effect`,
};

/** A revealed item of which a pass spoke so that it may be gone without being recorded so. */
export interface Doubted {
  readonly selectorId: string;
  readonly id: string;
}

/**
 * Says that a call may have deleted these without saying so: everything that the selectors `unclear` revealed, and what a
 * pass spoke of unclearly. What is known to be gone stays as it is.
 */
export async function markUnknownEffect(
  tx: Transaction,
  unclear: readonly string[],
  doubted: readonly Doubted[],
): Promise<void> {
  const selectors = [...new Set([...unclear, ...doubted.map((item) => item.selectorId)])];
  if (selectors.length === 0) return;
  await tx.run(MARK_UNKNOWN_EFFECT, [selectors, unclear, doubted.map((item) => item.id)]);
}

const NEXT_BLOCKS: Statement = {
  name: 'next-blocks',
  text: `select request_id as "requestId", max(no)::int + 1 as no from sealed_block where request_id = any ($1::uuid[]) group by 1`,
};

/** The first free block of each request. The requests must be locked. */
export async function nextBlocks(tx: Transaction, requestIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx.rows<{ requestId: string; no: number }>(NEXT_BLOCKS, [requestIds]);
  return new Map(rows.map((row) => [row.requestId, row.no]));
}

export interface NewDiscovered {
  readonly requestId: string;
  readonly id: string;
  readonly selectorId: string;
  readonly digest: Buffer;
  readonly block: number;
  readonly slot: number;
}

const INSERT_DISCOVERED: Statement = {
  name: 'insert-discovered',
  text: `insert into item (request_id, id, system, kind, block, slot, digest, lane, order_group, order_scope, order_rank, selector_id, deadline)
    select i.request_id, i.id, $1, 'discovered', i.block, i.slot, i.digest, $2, $3, $4, $5, i.selector_id, s.deadline
    from unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::bytea[], $10::int[], $11::int[])
      as i (request_id, id, selector_id, digest, block, slot)
    join item s on s.request_id = i.request_id and s.id = i.selector_id`,
};

/** Inserts revealed items, pending, with the deadline of their selector; what the pass said of them is written right after, as for any other item. */
export async function insertDiscovered(
  tx: Transaction,
  group: ItemGroup,
  items: readonly NewDiscovered[],
): Promise<void> {
  if (items.length === 0) return;
  await tx.run(INSERT_DISCOVERED, [
    group.system,
    group.lane,
    group.orderGroup,
    group.orderScope,
    group.orderRank,
    items.map((item) => item.requestId),
    items.map((item) => item.id),
    items.map((item) => item.selectorId),
    items.map((item) => item.digest),
    items.map((item) => item.block),
    items.map((item) => item.slot),
  ]);
}
