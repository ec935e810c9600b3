/** What came from webhook sources and was answered: known for good, by keyed digests. */
import type { Scheme } from '../core/webhook-signature.js';
import { signsBodyOnly } from '../core/webhook-signature.js';
import { createHash } from 'node:crypto';
import type { Statement, Transaction } from './database.js';
import { newId } from './identifiers.js';
import type { Vault } from './vault.js';

/** What a delivery did. */
export type DeliveryAnswer =
  { readonly id: string } | { readonly ignored: true; readonly reason: 'event' | 'unknown_subject' };

/** By what a delivery is known again. */
export interface DeliveryKey {
  readonly source: string;
  readonly deliveryDigest: Buffer | null;
  readonly bodyDigest: Buffer;
  readonly bodyOnly: boolean;
}

export interface KnownDelivery {
  readonly rowId: string;
  readonly answer: DeliveryAnswer;
  /** The body is the one that was answered then. */
  readonly sameBody: boolean;
}

/** The key of a verified delivery. Its digests are under the key that no rotation changes: they are remembered for good. */
export function deliveryKey(
  vault: Vault,
  source: { readonly name: string; readonly scheme: Scheme },
  delivery: { readonly id: string | null; readonly body: Uint8Array },
): DeliveryKey {
  const { name, scheme } = source;
  const sha256 = createHash('sha256').update(delivery.body).digest('hex');
  return {
    source: name,
    deliveryDigest: delivery.id === null ? null : vault.lookupDigest(`webhook delivery ${name}`, delivery.id),
    bodyDigest: vault.lookupDigest(`webhook body ${name}`, sha256),
    bodyOnly: signsBodyOnly(scheme),
  };
}

/** By its id; where nothing but the body is signed, by the body before that. */
const FIND_DELIVERY: Statement = {
  name: 'find-webhook-delivery',
  text: `select id as "rowId", request_id as "requestId", ignored, body_digest = $3 as "sameBody" from webhook_delivery
    where source = $1 and delivery_digest = $2
    union all
    select id, request_id, ignored, true from webhook_delivery where source = $1 and body_digest = $3 and body_only and $4
    order by "sameBody" desc limit 1`,
};
interface DeliveryRow {
  readonly rowId: string;
  readonly requestId: string | null;
  readonly ignored: 'event' | 'unknown_subject' | null;
  readonly sameBody: boolean;
}

/** The delivery seen before, or null. */
export async function findDelivery(reader: Pick<Transaction, 'rows'>, key: DeliveryKey): Promise<KnownDelivery | null> {
  const rows = await reader.rows<DeliveryRow>(FIND_DELIVERY, [
    key.source,
    key.deliveryDigest,
    key.bodyDigest,
    key.bodyOnly,
  ]);
  const [row] = rows;
  if (!row) return null;
  const { rowId, requestId, ignored, sameBody } = row;
  if (requestId !== null) return { rowId, sameBody, answer: { id: requestId } };
  if (ignored === null) throw new Error('a delivery on record has no answer');
  return { rowId, sameBody, answer: { ignored: true, reason: ignored } };
}

const INSERT_DELIVERY: Statement = {
  name: 'insert-webhook-delivery',
  text: `insert into webhook_delivery (id, source, delivery_digest, body_digest, body_only, request_id, ignored)
    values ($1, $2, $3, $4, $5, $6, $7)`,
};
const TURN_DELIVERY: Statement = {
  name: 'turn-webhook-delivery',
  text: 'update webhook_delivery set request_id = $2, ignored = $3 where id = $1',
};

/** Remembers a delivery and what it did; `known` is the same one, ignored before. */
export async function saveDelivery(
  tx: Transaction,
  key: DeliveryKey,
  answer: DeliveryAnswer,
  known: KnownDelivery | null,
): Promise<void> {
  const requestId = 'id' in answer ? answer.id : null;
  const ignored = 'id' in answer ? null : answer.reason;
  if (known !== null) {
    await tx.run(TURN_DELIVERY, [known.rowId, requestId, ignored]);
    return;
  }
  const { source, deliveryDigest, bodyDigest, bodyOnly } = key;
  await tx.run(INSERT_DELIVERY, [newId(), source, deliveryDigest, bodyDigest, bodyOnly, requestId, ignored]);
}
