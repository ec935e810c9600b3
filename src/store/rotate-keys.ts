/** The rows that a rotation of DATA_KEY rewrites: every wrapped key, and every digest that can be computed anew. */
import type { Statement, Transaction } from './database.js';
import type { Vault } from './vault.js';
import { secretName } from './webhook-sources.js';

const LOCK_INSTALLATION: Statement = {
  name: 'lock-installation',
  text: 'select generation from installation for update',
};
const SAVE_INSTALLATION: Statement = {
  name: 'save-installation',
  text: 'update installation set digest_key = $1, lookup_key = $2, generation = generation + 1 where generation = $3',
};

/** Keeps every submission away until the transaction ends. Gives the generation of the keys. */
export async function lockInstallation(tx: Transaction): Promise<number> {
  const row = (await tx.rows<{ generation: number }>(LOCK_INSTALLATION))[0];
  if (!row) throw new Error('the database holds no keys yet');
  return row.generation;
}

/** Puts the inner keys under the new DATA_KEY. A process with the old one can store nothing from the commit on. */
export async function saveInstallation(tx: Transaction, before: Vault, after: Vault): Promise<void> {
  const { digestKey, lookupKey } = after.wrappedKeys();
  await tx.run(SAVE_INSTALLATION, [digestKey, lookupKey, before.generation]);
}

const READ_LIVING: Statement = {
  name: 'read-living',
  text: `select k.request_id as "requestId", k.wrapped, b.sealed as subject from request_key k
    join sealed_block b on b.request_id = k.request_id and b.no = 0
    where k.request_id > $1 order by k.request_id limit 100`,
};
export interface LivingRequest {
  readonly requestId: string;
  readonly wrapped: Buffer;
  readonly subject: Buffer;
}

/** The next requests, by id, whose personal values are not destroyed. */
export async function readLiving(tx: Transaction, afterId: string): Promise<LivingRequest[]> {
  return tx.rows<LivingRequest>(READ_LIVING, [afterId]);
}

const READ_SECRETS: Statement = {
  name: 'read-webhook-secrets',
  text: 'select id, sealed from webhook_secret order by id',
};
const SAVE_SECRETS: Statement = {
  name: 'save-webhook-secrets',
  text: `update webhook_secret k set sealed = s.sealed from unnest($1::uuid[], $2::bytea[]) as s (id, sealed) where k.id = s.id`,
};

/** Seals the secrets of all webhook sources under the new DATA_KEY. */
export async function rewrapSecrets(tx: Transaction, before: Vault, after: Vault): Promise<void> {
  const rows = await tx.rows<{ id: string; sealed: Buffer }>(READ_SECRETS);
  const wrapped = rows.map(({ id, sealed }) =>
    after.wrapSecret(secretName(id), before.unwrapSecret(secretName(id), sealed)),
  );
  await tx.run(SAVE_SECRETS, [rows.map((row) => row.id), wrapped]);
}

const SAVE_REQUEST_KEY: Statement = {
  name: 'save-request-key',
  text: `with k as (update request_key set wrapped = $2 where request_id = $1)
    update erasure_request set subject_digest = $3 where id = $1`,
};
export async function saveRequestKey(
  tx: Transaction,
  requestId: string,
  wrapped: Buffer,
  subjectDigest: Buffer,
): Promise<void> {
  await tx.run(SAVE_REQUEST_KEY, [requestId, wrapped, subjectDigest]);
}

const READ_ITEM_PLACES: Statement = {
  name: 'read-item-places',
  text: `select request_id as "requestId", id, system, kind, block, slot, order_group is not null as ordered from item
    where request_id = $1 and id > $2 order by id limit 5000`,
};
export interface ItemPlace {
  readonly requestId: string;
  readonly id: string;
  readonly system: string;
  readonly kind: 'id' | 'selector' | 'discovered';
  readonly block: number;
  readonly slot: number;
  readonly ordered: boolean;
}
export async function readItemPlaces(tx: Transaction, requestId: string, afterId: string): Promise<ItemPlace[]> {
  return tx.rows<ItemPlace>(READ_ITEM_PLACES, [requestId, afterId]);
}

export interface ItemDigests {
  readonly id: string;
  readonly digest: Buffer;
  readonly lane: Buffer;
  readonly orderGroup: Buffer | null;
  readonly orderScope: Buffer | null;
}
const SAVE_DIGESTS: Statement = {
  name: 'save-digests',
  text: `update item i set digest = d.digest, lane = d.lane, order_group = d.order_group, order_scope = d.order_scope
    from unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[]) as d (id, digest, lane, order_group, order_scope)
    where i.request_id = $1 and i.id = d.id`,
};
export async function saveDigests(tx: Transaction, requestId: string, items: readonly ItemDigests[]): Promise<void> {
  await tx.run(SAVE_DIGESTS, [
    requestId,
    items.map((item) => item.id),
    items.map((item) => item.digest),
    items.map((item) => item.lane),
    items.map((item) => item.orderGroup),
    items.map((item) => item.orderScope),
  ]);
}
