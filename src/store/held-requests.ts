/** The volume breaker: how many subjects came from a source, and the requests that wait because of it. */
import type { Statement, Transaction } from './database.js';

/**
 * Whether at least $4 other subjects came from the source since $2 or within an hour, whichever is later. A flood of
 * different subjects is told by its newest requests alone; only a source that repeats itself is counted out.
 */
const IS_OVER_VOLUME: Statement = {
  name: 'is-over-volume',
  text: `with bound as materialized (select greatest($2::timestamptz, now() - interval '1 hour') as since),
    newest as materialized (
      select r.subject_digest from erasure_request r, bound
      where r.source = $1 and r.created_at > bound.since and r.subject_digest <> $3
      order by r.created_at desc limit 2 * $4)
    select case when (select count(distinct subject_digest) from newest) >= $4 then true
      when (select count(*) from newest) < 2 * $4 then false
      else (select count(distinct r.subject_digest) >= $4 from erasure_request r, bound
        where r.source = $1 and r.created_at > bound.since and r.subject_digest <> $3) end as over`,
};

/** True when one more subject is beyond what the source may ask for in an hour. */
export async function isOverVolume(
  tx: Transaction,
  source: string,
  subjectDigest: Buffer,
  limits: { readonly subjectsPerHour: number; readonly releasedAt: Date | null },
): Promise<boolean> {
  const { subjectsPerHour, releasedAt } = limits;
  const rows = await tx.rows<{ over: boolean }>(IS_OVER_VOLUME, [source, releasedAt, subjectDigest, subjectsPerHour]);
  return rows[0]?.over ?? false;
}

const MARK_RELEASED: Statement = {
  name: 'mark-released',
  text: 'update webhook_source set released_at = now() where name = $1 returning released_at as "releasedAt"',
};

/** From now on the source's subjects are counted anew. Gives that time, or null when there is no such source. */
export async function markReleased(tx: Transaction, name: string): Promise<Date | null> {
  return (await tx.rows<{ releasedAt: Date }>(MARK_RELEASED, [name]))[0]?.releasedAt ?? null;
}

const LOCK_HELD: Statement = {
  name: 'lock-held-requests',
  text: `select id from erasure_request where source = $1 and held is not null
      and date_trunc('milliseconds', created_at) <= $2 order by id limit $3 for update`,
};
const RELEASE_REQUESTS: Statement = {
  name: 'release-requests',
  text: 'update erasure_request set held = null where id = any ($1::uuid[])',
};
const RELEASE_ITEMS: Statement = {
  name: 'release-items',
  text: `with released as (
      update item set held = false, due_at = now() where request_id = any ($1::uuid[]) and held returning system)
    select distinct system from released`,
};

/** Lets up to `limit` requests of a source go that were held up to that time, oldest first. */
export async function releaseSome(
  tx: Transaction,
  source: string,
  until: Date,
  limit: number,
): Promise<{ readonly requests: readonly string[]; readonly systems: readonly string[] }> {
  const ids = (await tx.rows<{ id: string }>(LOCK_HELD, [source, until, limit])).map((row) => row.id);
  if (ids.length === 0) return { requests: [], systems: [] };
  await tx.run(RELEASE_REQUESTS, [ids]);
  const systems = (await tx.rows<{ system: string }>(RELEASE_ITEMS, [ids])).map((row) => row.system);
  return { requests: ids, systems };
}

const ANY_HELD: Statement = {
  name: 'any-held',
  text: 'select 1 as one from erasure_request where source = $1 and held is not null limit 1',
};

/** True while requests of the source are held. */
export async function anyHeld(tx: Transaction, source: string): Promise<boolean> {
  return (await tx.rows(ANY_HELD, [source])).length > 0;
}
