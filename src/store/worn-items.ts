/** Items that have been tried as often as allowed without a clear answer. When they rest is decided in core/worn.ts. */
import type { Statement, Transaction } from './database.js';

export interface ItemKey {
  readonly requestId: string;
  readonly id: string;
}
export interface FoundWorn extends ItemKey {
  readonly spent: number;
  readonly inSilentRow: boolean;
  readonly answeredSince: boolean;
}

const READ_WORN: Statement = {
  name: 'read-worn',
  text: `select i.request_id as "requestId", i.id, i.spent,
      exists (select from gate g join attempt a on a.id = any (g.silent) and a.spent
        join attempt_part p on p.attempt_id = a.id and p.request_id = i.request_id
        where g.system = i.system and i.id = any (p.item_ids)) as "inSilentRow",
      exists (select from attempt a where a.provider = $3 and a.system = i.system
        and a.started_at > i.last_attempt_at - $4 * interval '1 millisecond' and a.ended_at > i.last_attempt_at
        and a.verdict in ('answered', 'refused')) as "answeredSince"
    from unnest($1::uuid[], $2::uuid[]) as w (request_id, id) join item i on i.request_id = w.request_id and i.id = w.id
    where i.outcome = 'pending'
      and not exists (select from claim c where c.request_id = i.request_id and c.item_id = i.id)`,
};

/** What speaks for and against the rest of these items; `longestMs` is how long a call may last. Their requests are locked. */
export async function readWorn(
  tx: Transaction,
  provider: string,
  keys: readonly ItemKey[],
  longestMs: number,
): Promise<FoundWorn[]> {
  return tx.rows<FoundWorn>(READ_WORN, [...columns(keys), provider, longestMs]);
}

const REST_ITEMS: Statement = {
  name: 'rest-items',
  text: `update item i set outcome = 'unconfirmed', settled_at = now(), suspect_id = null
    from unnest($1::uuid[], $2::uuid[]) as w (request_id, id)
    where i.request_id = w.request_id and i.id = w.id and i.outcome = 'pending'
    returning i.request_id as "requestId", i.id`,
};

/** Puts those of these items to rest that are pending, and gives them. */
export async function restItems(tx: Transaction, keys: readonly ItemKey[]): Promise<ItemKey[]> {
  return tx.rows<ItemKey>(REST_ITEMS, columns(keys));
}

function columns(keys: readonly ItemKey[]): [string[], string[]] {
  return [keys.map((key) => key.requestId), keys.map((key) => key.id)];
}
