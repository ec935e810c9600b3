/** Destroying what is personal of a request: its key and its digests, and what was sealed under that key. */
import type { Database, Statement, Transaction } from './database.js';

const HOLD: Statement = {
  name: 'hold-for-shredding',
  text: `select status, settled_at is not null as settled, shredded_at is not null as shredded
    from erasure_request where id = $1 for update`,
};
export interface ShreddableRequest {
  readonly status: string;
  readonly settled: boolean;
  readonly shredded: boolean;
}

/** Locks a request against everything else; null when there is none. */
export async function holdForShredding(tx: Transaction, requestId: string): Promise<ShreddableRequest | null> {
  return (await tx.rows<ShreddableRequest>(HOLD, [requestId]))[0] ?? null;
}

/** First the key: without it nothing sealed below can be opened, in whatever copy of these rows. */
const SHRED: readonly Statement[] = [
  { name: 'shred-key', text: 'delete from request_key where request_id = $1' },
  { name: 'shred-blocks', text: 'delete from sealed_block where request_id = $1' },
  {
    name: 'shred-answers',
    text: 'update attempt_part set sealed = null where request_id = $1 and sealed is not null',
  },
  {
    name: 'shred-digests',
    text: `update item set digest = null, lane = null, order_group = null, order_scope = null
      where request_id = $1 and (digest is not null or lane is not null or order_group is not null)`,
  },
  { name: 'shred-directory-use', text: 'delete from directory_use where request_id = $1' },
  {
    name: 'shred-request',
    text: 'update erasure_request set subject_digest = null, shredded_at = now() where id = $1',
  },
];

/** Destroys the key, the digests and the sealed values of a request that is held. Outcomes, counts and times stay. */
export async function shredRows(tx: Transaction, requestId: string): Promise<void> {
  for (const statement of SHRED) await tx.run(statement, [requestId]);
}

/**
 * Completed by hand counts from the last resolution: until then a person still needed the values. Never what is in
 * `attention`.
 */
const PAST_RETENTION: Statement = {
  name: 'past-retention',
  text: `select r.id from erasure_request r
    where r.settled_at < now() - $1 * interval '1 day' and r.settled_at is not null and r.shredded_at is null
      and r.status in ('completed', 'cancelled')
      and (r.resolved = 0 or not exists (
        select from item i where i.request_id = r.id and i.resolved_at >= now() - $1 * interval '1 day'))
    order by r.settled_at limit $2`,
};

/** Requests that were completed or cancelled more than so many days ago and are not shredded yet, oldest first. */
export async function pastRetention(database: Database, days: number, limit: number): Promise<string[]> {
  return (await database.rows<{ id: string }>(PAST_RETENTION, [days, limit])).map((row) => row.id);
}
