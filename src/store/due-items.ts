/** What is due: read on the database's clock, in the order in which it should go. */
import type { DueItem } from '../core/plan.js';
import type { Statement, Transaction } from './database.js';

/** A due item, and whether it goes before its turn because what it waits for is blocked and the deadline is near. */
export interface Due extends DueItem {
  readonly early: boolean;
  /** Attempts spent of its budget. */
  readonly spent: number;
}

/**
 * The order of deletion: an item waits while an unsettled one of its group with a lower rank stands, in an equal scope or
 * one of the two without. 7 days before the deadline one that warns of it no longer waits for what is blocked ($3:
 * systems whose gate is closed) or held.
 */
const WAITS = `i.order_rank > 0 and i.order_group is not null and exists (
      select from item h where h.order_group = i.order_group and h.outcome = 'pending' and h.order_rank < i.order_rank
        and (h.order_scope is null or i.order_scope is null or h.order_scope = i.order_scope)`;

/**
 * It waits for something that is neither blocked nor held, or its deadline is far enough. What is held may be so for ever:
 * it holds up only what goes all the same near its deadline, with a warning.
 */
const heldBy = (blocked: string): string =>
  `${WAITS} and not (h.held and not i.order_warns)
    and not (i.order_warns and (h.held or h.system = any (${blocked}::text[])) and i.deadline - interval '7 days' <= now()))`;

const COLUMNS = `i.request_id as "requestId", i.id, encode(i.lane, 'hex') as lane, encode(i.digest, 'hex') as digest,
    (extract(epoch from i.deadline) * 1000)::float8 as "deadlineMs", (extract(epoch from i.due_at) * 1000)::float8 as "dueMs",
    i.suspect_id as "suspectId", i.spent, i.kind = 'selector' as selects, i.order_warns and (${WAITS})) as early`;

/** Free to go: in no batch, and its turn has come; what is held goes nowhere, not even as a probe. $3: systems whose gate is closed. */
export const FREE = `not i.held and (i.request_id, i.id) not in (
      select c.request_id, c.item_id from batch b join claim c on c.batch_id = b.id where b.system = $1)
    and not (${heldBy('$3')})`;

const READ_DUE: Statement = {
  name: 'read-due',
  text: `select ${COLUMNS} from item i
    where i.system = $1 and i.outcome = 'pending' and i.suspect_id is null and i.due_at <= now() and ${FREE}
    order by i.deadline, i.id limit $2`,
};

const READ_COMPANIES: Statement = {
  name: 'read-companies',
  text: `select i.suspect_id as "suspectId" from item i
    where i.system = $1 and i.outcome = 'pending' and i.suspect_id is not null and i.due_at <= now() and ${FREE}
    group by i.suspect_id order by min(i.deadline), i.suspect_id limit $2`,
};

const READ_SUSPECTS: Statement = {
  name: 'read-suspects',
  text: `select ${COLUMNS} from item i
    where i.system = $1 and i.outcome = 'pending' and i.due_at <= now() and i.suspect_id = any ($2::uuid[]) and ${FREE}
    order by i.deadline, i.id`,
};

const READ_WAITING: Statement = {
  name: 'read-waiting',
  text: `select i.request_id as "requestId", i.id, ${heldBy('$2')} as held
    from claim c join item i on i.request_id = c.request_id and i.id = c.item_id
    where c.batch_id = any ($1::uuid[]) and ${WAITS})`,
};

/** The items of these batches whose turn has not come; those that are not `held` go all the same, ahead of what is blocked. */
export async function readWaiting(
  tx: Transaction,
  batchIds: readonly string[],
  blocked: readonly string[],
): Promise<{ readonly requestId: string; readonly id: string; readonly held: boolean }[]> {
  return tx.rows(READ_WAITING, [batchIds, blocked]);
}

/** For a probe: the items tried least recently, whenever they would be due. */
const READ_FOR_PROBE: Statement = {
  name: 'read-for-probe',
  text: `select ${COLUMNS} from item i where i.system = $1 and i.outcome = 'pending' and ${FREE}
    order by i.last_attempt_at nulls first, i.deadline, i.id limit $2`,
};

const PUT_OFF: Statement = {
  name: 'put-off',
  text: `update item i set due_at = now() + interval '15 minutes' from unnest($1::uuid[], $2::uuid[]) as w (request_id, id)
    where i.request_id = w.request_id and i.id = w.id`,
};

/** Looks at items again in a quarter of an hour: their values do not open now, and somebody must see to that. */
export async function putOff(
  tx: Transaction,
  items: readonly { readonly requestId: string; readonly id: string }[],
): Promise<void> {
  await tx.run(PUT_OFF, [items.map((item) => item.requestId), items.map((item) => item.id)]);
}

const NEXT_DUE: Statement = {
  name: 'next-due',
  text: `select (extract(epoch from min(i.due_at)) * 1000)::float8 as "nextMs" from item i
    where i.system = $1 and i.outcome = 'pending' and not i.held and i.due_at > now()
      and not exists (select from claim c where c.request_id = i.request_id and c.item_id = i.id)`,
};

/** Up to `limit` items that may go now, earliest deadline first, and every company of suspects that is due, whole. */
export async function readDue(
  tx: Transaction,
  system: string,
  limit: number,
  blocked: readonly string[],
): Promise<Due[]> {
  const [companies, due] = await Promise.all([
    tx.rows<{ suspectId: string }>(READ_COMPANIES, [system, limit, blocked]),
    tx.rows<Due>(READ_DUE, [system, limit, blocked]),
  ]);
  const suspectIds = companies.map((company) => company.suspectId);
  const suspects = suspectIds.length === 0 ? [] : await tx.rows<Due>(READ_SUSPECTS, [system, suspectIds, blocked]);
  return [...suspects, ...due];
}

/** Up to `limit` items to probe a closed gate with. */
export async function readForProbe(
  tx: Transaction,
  system: string,
  limit: number,
  blocked: readonly string[],
): Promise<Due[]> {
  return tx.rows<Due>(READ_FOR_PROBE, [system, limit, blocked]);
}

/** When the next item that waits for its time is due, epoch milliseconds, or null. */
export async function nextDue(tx: Transaction, system: string): Promise<number | null> {
  return (await tx.rows<{ nextMs: number | null }>(NEXT_DUE, [system]))[0]?.nextMs ?? null;
}
