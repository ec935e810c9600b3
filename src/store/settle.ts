/** What is looked at when items settle: warnings that only a whole system's outcomes show, and refusals taken back. */
import type { Statement, Transaction } from './database.js';

const WARN_WHERE_ALL_ABSENT: Statement = {
  name: 'warn-where-all-absent',
  text: `insert into warning (request_id, code, system)
    select i.request_id, 'all_absent', i.system from item i join erasure_request r on r.id = i.request_id
    where r.id = any ($1::uuid[]) and r.pending = 0
    group by i.request_id, i.system
    having bool_and(i.outcome in ('already_absent', 'nothing_matched') or (i.outcome = 'erased' and i.evidence = 'repeat'))
    on conflict do nothing`,
};

/** Warns on those of these requests that are settled and saw nothing exist at a system. */
export async function warnWhereAllAbsent(tx: Transaction, requestIds: readonly string[]): Promise<void> {
  await tx.run(WARN_WHERE_ALL_ABSENT, [requestIds]);
}

const REOPEN_ITEMS: Statement = {
  name: 'reopen-items',
  text: `update item i set outcome = 'pending', reason = null, settled_at = null, due_at = now(), suspect_id = null, strikes = 0
    from unnest($1::uuid[], $2::uuid[]) as w (request_id, id), erasure_request r
    where i.request_id = w.request_id and i.id = w.id and i.outcome = 'failed' and i.reason = 'rejected'
      and i.resolution is null and r.id = i.request_id and r.cancelled_at is null and r.shredded_at is null
    returning i.request_id as "requestId", i.id`,
};

export interface ReopenedItem {
  readonly requestId: string;
  readonly id: string;
}

/** Takes back refusals (keys `request/item`) that accuse the contract rather than the items. Gives those taken back. */
export async function reopenItems(tx: Transaction, keys: readonly string[]): Promise<ReopenedItem[]> {
  if (keys.length === 0) return [];
  const parts = keys.map((key) => key.split('/'));
  return tx.rows<ReopenedItem>(REOPEN_ITEMS, [parts.map((part) => part[0]), parts.map((part) => part[1])]);
}
