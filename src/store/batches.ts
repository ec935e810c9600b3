/** Live batches: leases on items, by the database's clock, with an epoch as the fence. */
import type { Statement, Transaction } from './database.js';
import { listParameters, listsBy } from './uuid-lists.js';

/** How long a batch that was handed out may wait to be taken up. */
const CLAIM_MS = 6_000;

export interface BatchRef {
  readonly id: string;
  readonly epoch: number;
}

/** One dispatcher at a time for a system, until the transaction ends. */
const LOCK_SYSTEM: Statement = {
  name: 'lock-system',
  text: "select pg_advisory_xact_lock(hashtext('expunge dispatch'), hashtext($1))",
};
export async function lockSystem(tx: Transaction, system: string): Promise<void> {
  await tx.run(LOCK_SYSTEM, [system]);
}

const COUNT_LIVE: Statement = {
  name: 'count-live',
  text: `select (extract(epoch from now()) * 1000)::float8 as "nowMs",
      (select count(*)::int from batch where system = $1) as live,
      (select (extract(epoch from min(lease_until)) * 1000)::float8 from batch where system = $1) as "leaseEndsMs",
      (select count(*)::int from batch where provider = $2 and state = 'claimed') as "claimedAtProvider",
      (select count(*)::int from attempt where provider = $2 and started_at > clock_timestamp() - $3 * interval '1 millisecond') as recent,
      (select (extract(epoch from min(started_at)) * 1000)::float8 from attempt
        where provider = $2 and started_at > clock_timestamp() - $3 * interval '1 millisecond') as "oldestRecentMs"`,
};
export interface Load {
  readonly nowMs: number;
  /** Live batches of the system. */
  readonly live: number;
  /** When the first of their leases ends, if nobody renews it. */
  readonly leaseEndsMs: number | null;
  readonly claimedAtProvider: number;
  /** Calls of the provider begun within the window. */
  readonly recent: number;
  readonly oldestRecentMs: number | null;
}

/** What is under way at a system and its provider; `windowMs` is how far back calls are counted. */
export async function readLoad(tx: Transaction, system: string, provider: string, windowMs: number): Promise<Load> {
  const row = (await tx.rows<Load>(COUNT_LIVE, [system, provider, windowMs]))[0];
  if (!row) throw new Error('a count gave no row');
  return row;
}

const INSERT_BATCHES: Statement = {
  name: 'insert-batches',
  text: `insert into batch (id, system, provider, probe, lease_until)
    select id, $2, $3, $4, clock_timestamp() + $5 * interval '1 millisecond' from unnest($1::uuid[]) as b (id)`,
};
const INSERT_CLAIMS: Statement = {
  name: 'insert-claims',
  text: `insert into claim (request_id, item_id, batch_id) select l.request_id, x.id, l.batch_id
    from unnest($1::uuid[], $2::uuid[], $3::text[]) as l (request_id, batch_id, ids) cross join unnest(l.ids::uuid[]) as x (id)`,
};

export interface NewBatch {
  readonly id: string;
  readonly items: readonly { readonly requestId: string; readonly id: string }[];
}

/** Claims items for new batches. Fails when one of them stands in a live batch already. */
export async function claimBatches(
  tx: Transaction,
  at: { readonly system: string; readonly provider: string; readonly probe: boolean },
  batches: readonly NewBatch[],
): Promise<void> {
  if (batches.length === 0) return;
  const lists = batches.flatMap((batch) => listsBy(batch.items, () => batch.id));
  await Promise.all([
    tx.run(INSERT_BATCHES, [batches.map((batch) => batch.id), at.system, at.provider, at.probe, CLAIM_MS]),
    tx.run(INSERT_CLAIMS, listParameters(lists)),
  ]);
}

const RING_AGAIN: Statement = {
  name: 'ring-again',
  text: `update batch set epoch = epoch + 1, rings = rings + 1, lease_until = clock_timestamp() + $2 * interval '1 millisecond'
    where id in (select id from batch where system = $1 and state = 'claimed' and lease_until < clock_timestamp()
      order by id for update skip locked)
    returning id, epoch, rings`,
};

/** Batches whose job nobody took up in time, claimed anew under a new epoch. */
export async function ringAgain(tx: Transaction, system: string): Promise<(BatchRef & { readonly rings: number })[]> {
  return tx.rows(RING_AGAIN, [system, CLAIM_MS]);
}

const EXPIRED_SENDING: Statement = {
  name: 'expired-sending',
  text: `select b.id, b.epoch, a.id as "attemptId", a.probe, a.ids from batch b join attempt a on a.batch_id = b.id and a.epoch = b.epoch
    where b.system = $1 and b.state = 'sending' and b.lease_until < clock_timestamp() order by b.id`,
};

/** Calls that were begun and whose lease has ended without an answer on record. */
export async function readExpired(
  reader: Pick<Transaction, 'rows'>,
  system: string,
): Promise<(BatchRef & { readonly attemptId: string; readonly probe: boolean; readonly ids: number })[]> {
  return reader.rows(EXPIRED_SENDING, [system]);
}

const KEEP_CLAIM: Statement = {
  name: 'keep-claim',
  text: `update batch set lease_until = clock_timestamp() + $3 * interval '1 millisecond'
    where id = $1 and epoch = $2 and state = 'claimed'`,
};

/** Says that a batch was taken up and only waits for its turn. False when it is no longer ours. */
export async function keepClaim(reader: Transaction, ref: BatchRef): Promise<boolean> {
  return (await reader.run(KEEP_CLAIM, [ref.id, ref.epoch, CLAIM_MS])) === 1;
}

const DROP_CLAIM: Statement = {
  name: 'drop-claim',
  text: `with dropped as (delete from batch where id = $1 and epoch = $2 and state = 'claimed' returning id)
    delete from claim where batch_id in (select id from dropped)`,
};

/** Gives back a batch that was not begun: whoever looks next may hand its items out again. */
export async function dropClaim(reader: Pick<Transaction, 'rows'>, ref: BatchRef): Promise<void> {
  await reader.rows(DROP_CLAIM, [ref.id, ref.epoch]);
}

const TAKE_BATCHES: Statement = {
  name: 'take-batches',
  text: `update batch b set state = 'sending', epoch = b.epoch + 1,
      lease_until = clock_timestamp() + $3 * interval '1 millisecond'
    from unnest($1::uuid[], $2::int[]) as w (id, epoch)
    where b.id = w.id and b.epoch = w.epoch and b.state = 'claimed' returning b.id, b.system, b.provider, b.epoch, b.probe`,
};
export interface TakenBatch extends BatchRef {
  readonly system: string;
  readonly provider: string;
  readonly probe: boolean;
}

/** Renews the leases for one call each under a new epoch; a batch that somebody else has is not among the result. */
export async function takeBatches(tx: Transaction, refs: readonly BatchRef[], leaseMs: number): Promise<TakenBatch[]> {
  return tx.rows<TakenBatch>(TAKE_BATCHES, [refs.map((ref) => ref.id), refs.map((ref) => ref.epoch), leaseMs]);
}

const IN_FLIGHT: Statement = {
  name: 'in-flight',
  text: 'select in_flight as "inFlight", recent from count_calls($1, $2::uuid[], $3)',
};

/**
 * Calls of a provider in flight (but for those known to have ended, `ended`), and begun within the window. One sender at
 * a time counts, until its transaction ends.
 */
export async function countInFlight(
  tx: Transaction,
  provider: string,
  ended: readonly string[],
  windowMs: number,
): Promise<{ readonly inFlight: number; readonly recent: number }> {
  const row = (await tx.rows<{ inFlight: number; recent: number }>(IN_FLIGHT, [provider, ended, windowMs]))[0];
  if (!row) throw new Error('a count gave no row');
  return row;
}

const HOLD_BATCHES: Statement = {
  name: 'hold-batches',
  text: `select b.id from batch b join unnest($1::uuid[], $2::int[]) as w (id, epoch) on w.id = b.id and w.epoch = b.epoch
    where b.state = 'sending' order by b.id for update of b`,
};

/** Which of these batches are still held under these epochs, locked: the fence before every outcome. */
export async function holdBatches(tx: Transaction, refs: readonly BatchRef[]): Promise<ReadonlySet<string>> {
  const rows = await tx.rows<{ id: string }>(HOLD_BATCHES, [refs.map((ref) => ref.id), refs.map((ref) => ref.epoch)]);
  return new Set(rows.map((row) => row.id));
}

const FREE_ORPHANS: Statement = {
  name: 'free-orphans',
  text: 'delete from claim c where not exists (select from batch b where b.id = c.batch_id)',
};

/** Frees items whose batch is gone, which no path of ours leaves behind: an item must never be lost to a forgotten row. */
export async function freeOrphans(reader: Pick<Transaction, 'rows'>): Promise<void> {
  await reader.rows(FREE_ORPHANS);
}

const FREE_ITEMS: Statement = {
  name: 'free-items',
  text: `delete from claim c using unnest($1::uuid[], $2::uuid[]) as w (request_id, id)
    where c.request_id = w.request_id and c.item_id = w.id`,
};

/** Puts items back that their batch, held by the caller, is not to carry. */
export async function freeItems(tx: Transaction, items: NewBatch['items']): Promise<void> {
  await tx.run(FREE_ITEMS, [items.map((item) => item.requestId), items.map((item) => item.id)]);
}

const END_BATCHES: Statement = {
  name: 'end-batches',
  text: 'with freed as (delete from claim where batch_id = any ($1::uuid[])) delete from batch where id = any ($1::uuid[])',
};

/** Ends batches: their items are free again. */
export async function endBatches(tx: Transaction, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await tx.run(END_BATCHES, [ids]);
}
