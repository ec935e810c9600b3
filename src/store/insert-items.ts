/** Writing the submitted items of new requests, many in a statement. */
import { setImmediate as leaveTheTurn } from 'node:timers/promises';
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
    select g.request_id, i.id, g.system, g.kind, i.block, i.slot, i.digest, g.lane, g.order_group, g.order_scope, g.order_rank,
      g.order_warns, g.deadline, g.held
    from unnest($1::uuid[], $2::int[], $3::bytea[], $4::int[], $5::int[]) as i (id, grp, digest, block, slot)
    join unnest($6::uuid[], $7::timestamptz[], $8::boolean[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::bytea[],
        $14::smallint[], $15::boolean[])
      with ordinality as g (request_id, deadline, held, system, kind, lane, order_group, order_scope, order_rank, order_warns, no)
      on g.no = i.grp + 1`,
};

/** The submitted items of one request. */
export interface ItemsOfRequest {
  readonly id: string;
  readonly dueAt: Date;
  readonly held: boolean;
  readonly groups: readonly ItemGroup[];
  readonly items: readonly NewItem[];
}

/** What fits into the buffer of a connection: the server works on it while the next is being written. */
const ITEMS_A_STATEMENT = 2_000;

/** Inserts submitted items, due at once unless held. Their requests must stand already; the counts follow by trigger. */
export async function insertItems(tx: Transaction, requests: readonly ItemsOfRequest[]): Promise<void> {
  const groups = requests.flatMap(({ id, dueAt, held, groups: own }) =>
    own.map((group) => ({ ...group, requestId: id, dueAt, held })),
  );
  let before = 0;
  const items = requests.flatMap(({ groups: own, items: drafted }) => {
    const first = before;
    before += own.length;
    return drafted.map((item) => ({ ...item, group: first + item.group }));
  });
  const columnsOfGroups = [
    groups.map((group) => group.requestId),
    groups.map((group) => group.dueAt),
    groups.map((group) => group.held),
    groups.map((group) => group.system),
    groups.map((group) => group.kind),
    groups.map((group) => group.lane),
    groups.map((group) => group.orderGroup),
    groups.map((group) => group.orderScope),
    groups.map((group) => group.orderRank),
    groups.map((group) => group.orderWarns),
  ];
  const inserted: Promise<number>[] = [];
  for (let from = 0; from < items.length; from += ITEMS_A_STATEMENT) {
    const some = items.slice(from, from + ITEMS_A_STATEMENT);
    if (from > 0) await leaveTheTurn();
    inserted.push(
      tx.run(INSERT_ITEMS, [
        some.map((item) => item.id),
        some.map((item) => item.group),
        some.map((item) => item.digest),
        some.map((item) => item.block),
        some.map((item) => item.slot),
        ...columnsOfGroups,
      ]),
    );
  }
  await Promise.all(inserted);
}

/** Of requests that are stored together the one with the higher id is the later: the other one knows nothing of it. */
const ALSO_REQUESTED: Statement = {
  name: 'also-requested',
  text: `select distinct w.request_id as "requestId", i.system from unnest($1::uuid[], $2::bytea[]) as w (request_id, digest)
    join item i on i.digest = w.digest
    where i.selector_id is null and i.request_id <> w.request_id
      and not (i.request_id > w.request_id and i.request_id = any ($3::uuid[]))`,
};

/** The systems at which an earlier request holds one of these digests already, by the request that asks. */
export async function systemsAlsoRequested(
  reader: Pick<Transaction, 'rows'>,
  asks: readonly { readonly requestId: string; readonly digest: Buffer }[],
): Promise<{ readonly requestId: string; readonly system: string }[]> {
  return reader.rows(ALSO_REQUESTED, [
    asks.map((asked) => asked.requestId),
    asks.map((asked) => asked.digest),
    [...new Set(asks.map((asked) => asked.requestId))],
  ]);
}
