/** Provider calls on record: begun before the call, completed after it, never changed again. */
import { FRESH } from '../core/history.js';
import type { Kind } from '../core/item.js';
import type { History } from '../core/history.js';
import type { Verdict } from '../core/answer.js';
import type { Statement, Transaction } from './database.js';
import { listParameters, listsBy } from './uuid-lists.js';

const SHARE_REQUESTS: Statement = {
  name: 'share-requests',
  text: `select r.id from erasure_request r
    where r.id in (select c.request_id from claim c where c.batch_id = any ($1::uuid[])) order by r.id for key share`,
};

/** Keeps cancelling and shredding away from the requests of these batches until their attempt rows are committed. */
export async function shareRequests(tx: Transaction, batchIds: readonly string[]): Promise<void> {
  await tx.run(SHARE_REQUESTS, [batchIds]);
}

/** An item that is about to be sent. */
export interface SendableItem {
  readonly batchId: string;
  readonly requestId: string;
  readonly id: string;
  readonly kind: Kind;
  readonly digest: string;
  readonly block: number;
  readonly slot: number;
}
export interface FoundSendable extends SendableItem {
  /** It has a turn to wait for in the order of deletion. */
  readonly waits: boolean;
  /** Never sent before, and another request holds the same. */
  readonly shared: boolean;
}
const READ_SENDABLE: Statement = {
  name: 'read-sendable',
  text: `select c.batch_id as "batchId", i.request_id as "requestId", i.id, i.kind, encode(i.digest, 'hex') as digest, i.block, i.slot,
      i.outcome, i.order_rank > 0 and i.order_group is not null as waits,
      i.attempts = 0 and i.selector_id is null and exists (
        select from item o where o.digest = i.digest and o.selector_id is null and o.request_id <> i.request_id) as shared
    from claim c join item i on i.request_id = c.request_id and i.id = c.item_id
    where c.batch_id = any ($1::uuid[]) order by i.request_id, i.id`,
};

/** The items of these batches that are still pending. */
export async function readSendable(tx: Transaction, batchIds: readonly string[]): Promise<FoundSendable[]> {
  const rows = await tx.rows<FoundSendable & { readonly outcome: string }>(READ_SENDABLE, [batchIds]);
  // Not a condition of the statement: the index of pending items would be read whole for it.
  return rows.filter((row) => row.outcome === 'pending');
}

export interface NewAttempt {
  readonly id: string;
  readonly batchId: string;
  readonly epoch: number;
  readonly system: string;
  readonly provider: string;
  readonly probe: boolean;
  /** How many different IDs the call names. */
  readonly ids: number;
  readonly items: readonly { readonly requestId: string; readonly id: string }[];
}

const BEGIN_ATTEMPTS: Statement = {
  name: 'begin-attempts',
  text: `with begun as (
      insert into attempt (id, batch_id, epoch, system, provider, probe, ids, items)
      select * from unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::boolean[], $7::int[], $8::int[])
      returning id
    ), carried as (
      insert into attempt_part (attempt_id, request_id, item_ids)
      select l.attempt_id, l.request_id, l.ids::uuid[] from unnest($9::uuid[], $10::uuid[], $11::text[]) as l (request_id, attempt_id, ids)
      join begun on begun.id = l.attempt_id
    )
    update erasure_request set started_at = now() where id = any ($12::uuid[]) and started_at is null`,
};

/** Puts on record that calls are about to be made. */
export async function beginAttempts(tx: Transaction, attempts: readonly NewAttempt[]): Promise<void> {
  const parts = listParameters(attempts.flatMap((attempt) => listsBy(attempt.items, () => attempt.id)));
  await tx.run(BEGIN_ATTEMPTS, [
    attempts.map((attempt) => attempt.id),
    attempts.map((attempt) => attempt.batchId),
    attempts.map((attempt) => attempt.epoch),
    attempts.map((attempt) => attempt.system),
    attempts.map((attempt) => attempt.provider),
    attempts.map((attempt) => attempt.probe),
    attempts.map((attempt) => attempt.ids),
    attempts.map((attempt) => attempt.items.length),
    ...parts,
    [...new Set(parts[0])].sort(),
  ]);
}

export interface EndedAttempt {
  readonly id: string;
  readonly verdict: Verdict;
  readonly httpStatus: number | null;
  readonly providerCount: number | null;
  readonly spent: boolean;
}
const END_ATTEMPTS: Statement = {
  name: 'end-attempts',
  text: `update attempt a set ended_at = clock_timestamp(), verdict = e.verdict, http_status = e.http_status,
      provider_count = e.provider_count, spent = e.spent
    from unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[], $5::boolean[]) as e (id, verdict, http_status, provider_count, spent)
    where a.id = e.id`,
};

/** Completes attempts that nobody has completed yet. */
export async function endAttempts(tx: Transaction, ended: readonly EndedAttempt[]): Promise<void> {
  if (ended.length === 0) return;
  await tx.run(END_ATTEMPTS, [
    ended.map((attempt) => attempt.id),
    ended.map((attempt) => attempt.verdict),
    ended.map((attempt) => attempt.httpStatus),
    ended.map((attempt) => attempt.providerCount),
    ended.map((attempt) => attempt.spent),
  ]);
}

const MARK_LATE: Statement = {
  name: 'mark-late',
  text: `update attempt set late = true, http_status = $2, provider_count = $3 where id = $1 and verdict = 'interrupted' and not late`,
};

/** Keeps an answer that came after its call had been given up. True when it was kept. */
export async function markLate(
  tx: Transaction,
  attempt: { readonly id: string; readonly httpStatus: number | null; readonly providerCount: number | null },
): Promise<boolean> {
  return (await tx.run(MARK_LATE, [attempt.id, attempt.httpStatus, attempt.providerCount])) === 1;
}

export interface SealedPart {
  readonly attemptId: string;
  readonly requestId: string;
  readonly sealed: Buffer;
}
const SEAL_PARTS: Statement = {
  name: 'seal-parts',
  text: `update attempt_part p set sealed = s.sealed
    from unnest($1::uuid[], $2::uuid[], $3::bytea[]) as s (attempt_id, request_id, sealed)
    where p.attempt_id = s.attempt_id and p.request_id = s.request_id`,
};

/** Puts what the provider said beside its attempts. */
export async function sealParts(tx: Transaction, parts: readonly SealedPart[]): Promise<void> {
  if (parts.length === 0) return;
  await tx.run(SEAL_PARTS, [parts.map((p) => p.attemptId), parts.map((p) => p.requestId), parts.map((p) => p.sealed)]);
}

/** An item as it stands when its call is recorded. */
export interface RecordedItem extends History {
  readonly batchId: string;
  readonly requestId: string;
  readonly id: string;
  readonly kind: Kind;
  readonly digest: string;
  readonly block: number;
  readonly slot: number;
  readonly ordered: boolean;
  readonly suspectId: string | null;
  readonly outcome: string;
}

/** Most items have no history yet: then there is one column of it instead of eight. */
const READ_HISTORIES: Statement = {
  name: 'read-histories',
  text: `select c.batch_id as "batchId", i.request_id as "requestId", i.id, i.kind, encode(i.digest, 'hex') as digest,
      i.block, i.slot, i.order_group is not null as ordered, i.suspect_id as "suspectId", i.outcome,
      case when i.spent <> 0 or i.strikes <> 0 or i.backoff <> 0 or i.passes <> 0 or i.unknown_effect or i.erased_seen
          or i.matched is not null or i.unclear_since is not null then
        json_build_object('spent', i.spent, 'strikes', i.strikes, 'backoff', i.backoff, 'passes', i.passes,
          'unknownEffect', i.unknown_effect, 'erasedSeen', i.erased_seen, 'matched', i.matched,
          'unclearSinceMs', extract(epoch from i.unclear_since) * 1000) end as history
    from claim c join item i on i.request_id = c.request_id and i.id = c.item_id
    where c.batch_id = any ($1::uuid[]) order by i.request_id, i.id`,
};

/** Every item of these batches, with what is remembered of it. */
export async function readHistories(tx: Transaction, batchIds: readonly string[]): Promise<RecordedItem[]> {
  const rows = await tx.rows<Omit<RecordedItem, keyof History> & { readonly history: History | null }>(READ_HISTORIES, [
    batchIds,
  ]);
  return rows.map((row) => Object.assign(row, row.history ?? FRESH));
}

const LOCK_REQUESTS: Statement = {
  name: 'lock-requests',
  // After a wait for the lock r is as it stands now, and k as it stood before: a key that was just destroyed must not come back.
  text: `select r.id, r.cancelled_at is not null as cancelled, case when r.shredded_at is null then k.wrapped end as wrapped from erasure_request r
    left join request_key k on k.request_id = r.id
    where r.id = any ($1::uuid[]) order by r.id for no key update of r`,
};
export interface LockedRequest {
  readonly id: string;
  readonly cancelled: boolean;
  /** Null once shredded. */
  readonly wrapped: Buffer | null;
}

/** Locks requests, by id: before any of their items is written. */
export async function lockRequests(
  tx: Transaction,
  ids: readonly string[],
): Promise<ReadonlyMap<string, LockedRequest>> {
  const rows = await tx.rows<LockedRequest>(LOCK_REQUESTS, [ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

const READ_PARTS: Statement = {
  name: 'read-parts',
  text: `select attempt_id as "attemptId", request_id as "requestId", item_ids as "itemIds" from attempt_part
    where attempt_id = any ($1::uuid[])`,
};

/** What an attempt was for one request. */
export interface AttemptPart {
  readonly attemptId: string;
  readonly requestId: string;
  readonly itemIds: readonly string[];
}

/** What these attempts were to carry, as it was put on record before their calls. */
export async function readParts(tx: Transaction, attemptIds: readonly string[]): Promise<AttemptPart[]> {
  return attemptIds.length === 0 ? [] : tx.rows<AttemptPart>(READ_PARTS, [attemptIds]);
}

const GIVE_BACK: Statement = {
  name: 'give-back',
  text: `update item i set spent = greatest(i.spent - g.n, 0)
    from (select p.request_id, x.item_id, count(*)::int as n from attempt a
        join attempt_part p on p.attempt_id = a.id cross join unnest(p.item_ids) as x (item_id)
        where a.id = any ($1::uuid[]) and a.spent group by 1, 2) g
    where i.request_id = g.request_id and i.id = g.item_id and i.outcome = 'pending'`,
};

/** Gives back what these attempts spent of their items' budgets, because they closed the gate. */
export async function giveBack(tx: Transaction, attemptIds: readonly string[]): Promise<void> {
  if (attemptIds.length > 0) await tx.run(GIVE_BACK, [attemptIds]);
}
