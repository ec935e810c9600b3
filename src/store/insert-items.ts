/** Writing new items, submitted or discovered, in one statement. */
import type { Kind } from '../core/item.js';
import type { Statement, Transaction } from './database.js';

/** What items of one lane have in common. */
export interface ItemGroup {
  readonly system: string;
  readonly kind: Kind;
  readonly lane: Buffer;
  readonly orderGroup: Buffer | null;
  readonly orderScope: Buffer | null;
  readonly orderRank: number;
  readonly orderWarns: boolean;
}

export interface NewItem {
  readonly id: string;
  /** Index into the groups. */
  readonly group: number;
  readonly digest: Buffer;
  readonly block: number;
  readonly slot: number;
}

const INSERT_ITEMS: Statement = {
  name: 'insert-items',
  text: `insert into item (request_id, id, system, kind, block, slot, digest, lane, order_group, order_scope, order_rank, order_warns, deadline, held)
    select $1, i.id, g.system, g.kind, i.block, i.slot, i.digest, g.lane, g.order_group, g.order_scope, g.order_rank, g.order_warns, $2, $15
    from unnest($3::uuid[], $4::int[], $5::bytea[], $6::int[], $7::int[]) as i (id, grp, digest, block, slot)
    join unnest($8::text[], $9::text[], $10::bytea[], $11::bytea[], $12::bytea[], $13::smallint[], $14::boolean[])
      with ordinality as g (system, kind, lane, order_group, order_scope, order_rank, order_warns, no) on g.no = i.grp + 1`,
};

/** Inserts submitted items of one request, due at once unless it is held. Its request must stand already; the counts follow by trigger. */
export async function insertItems(
  tx: Transaction,
  request: { readonly id: string; readonly dueAt: Date; readonly held: boolean },
  groups: readonly ItemGroup[],
  items: readonly NewItem[],
): Promise<void> {
  await tx.run(INSERT_ITEMS, [
    request.id,
    request.dueAt,
    items.map((item) => item.id),
    items.map((item) => item.group),
    items.map((item) => item.digest),
    items.map((item) => item.block),
    items.map((item) => item.slot),
    groups.map((group) => group.system),
    groups.map((group) => group.kind),
    groups.map((group) => group.lane),
    groups.map((group) => group.orderGroup),
    groups.map((group) => group.orderScope),
    groups.map((group) => group.orderRank),
    groups.map((group) => group.orderWarns),
    request.held,
  ]);
}

const ALSO_REQUESTED: Statement = {
  name: 'also-requested',
  text: `select distinct i.system from unnest($1::bytea[]) as w (digest) join item i on i.digest = w.digest
    where i.selector_id is null and i.request_id <> $2`,
};

/** The systems at which an earlier request holds one of these digests already. */
export async function systemsAlsoRequested(
  reader: Pick<Transaction, 'rows'>,
  digests: readonly Buffer[],
  requestId: string,
): Promise<string[]> {
  return (await reader.rows<{ system: string }>(ALSO_REQUESTED, [digests, requestId])).map((row) => row.system);
}
