/** The rows of new requests, and the idempotency keys that they take. */
import type { ErasureRequestModel } from './generated/models.js';
import type { Statement, Transaction } from './database.js';

const LIMIT_KEY_WAIT: Statement = {
  name: 'limit-key-wait',
  text: `select now() as now, set_config('lock_timeout', $1, true)`,
};
/** From here on, and until `insertKeys`, nothing is waited for longer than this. Gives the database's time. */
export async function limitKeyWait(tx: Transaction, waitMs: number): Promise<Date> {
  const row = (await tx.rows<{ now: Date }>(LIMIT_KEY_WAIT, [`${waitMs}ms`]))[0];
  if (!row) throw new Error('the database gave no time');
  return row.now;
}

export interface RequestRow {
  readonly id: string;
  readonly source: string;
  readonly actor: string;
  readonly receivedAt: Date;
  readonly dueAt: Date;
  readonly subjectDigest: Buffer;
  readonly held: string | null;
  readonly idempotency: { readonly route: string; readonly digest: Buffer } | null;
}

/** Keys are taken in the order of their digests: two transactions that want the same ones wait, and never for each other. */
const INSERT_REQUESTS: Statement = {
  name: 'insert-requests',
  text: `with given as (
      select * from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bytea[], $7::text[],
          $8::text[], $9::bytea[])
        with ordinality as g (id, source, actor, received_at, due_at, subject_digest, held, route, key_digest, no)
    ), taken as (
      insert into idempotency_key (route, key_digest, request_id)
      select route, key_digest, id from given where key_digest is not null order by route, key_digest, no
      on conflict do nothing returning request_id
    ), free as (
      select * from given where key_digest is null or id in (select request_id from taken)
    )
    insert into erasure_request (id, source, actor, received_at, due_at, subject_digest, held)
    select id, source, actor, received_at, due_at, subject_digest, held from free returning id`,
};

/** Inserts requests, and gives the ids of those that were: the others' idempotency keys are taken. */
export async function insertRequests(tx: Transaction, requests: readonly RequestRow[]): Promise<string[]> {
  if (requests.length === 0) return [];
  const rows = await tx.rows<{ id: string }>(INSERT_REQUESTS, [
    requests.map((request) => request.id),
    requests.map((request) => request.source),
    requests.map((request) => request.actor),
    requests.map((request) => request.receivedAt),
    requests.map((request) => request.dueAt),
    requests.map((request) => request.subjectDigest),
    requests.map((request) => request.held),
    requests.map((request) => request.idempotency?.route ?? null),
    requests.map((request) => request.idempotency?.digest ?? null),
  ]);
  return rows.map((row) => row.id);
}

/** The limit is off before the reference to the installation is checked, which is when a statement has done everything else. */
const INSERT_KEYS: Statement = {
  name: 'insert-keys',
  text: `insert into request_key (request_id, wrapped, generation) select k.id, k.wrapped, $3
    from unnest($1::uuid[], $2::bytea[]) as k (id, wrapped), (select set_config('lock_timeout', '0', true)) as unlimited`,
};

/** Inserts the keys of requests, wrapped under DATA_KEY. Waits for a rotation of it, without a limit, and fails after one. */
export async function insertKeys(
  tx: Transaction,
  generation: number,
  keys: readonly { readonly id: string; readonly wrapped: Buffer }[],
): Promise<void> {
  await tx.run(INSERT_KEYS, [keys.map((key) => key.id), keys.map((key) => key.wrapped), generation]);
}

const READ_NEW_REQUESTS: Statement = {
  name: 'read-new-requests',
  text: `select id, source, actor, received_at as "receivedAt", due_at as "dueAt", created_at as "createdAt",
    started_at as "startedAt", held, settled_at as "settledAt", cancelled_at as "cancelledAt", shredded_at as "shreddedAt",
    pending, erased, already_absent as "alreadyAbsent", nothing_matched as "nothingMatched", unconfirmed, failed,
    cancelled, resolved, status from erasure_request where id = any ($1::uuid[])`,
};

/** The requests as they stand in this transaction. */
export async function readNewRequests(
  tx: Transaction,
  ids: readonly string[],
): Promise<Omit<ErasureRequestModel, 'subjectDigest'>[]> {
  return tx.rows<Omit<ErasureRequestModel, 'subjectDigest'>>(READ_NEW_REQUESTS, [ids]);
}
