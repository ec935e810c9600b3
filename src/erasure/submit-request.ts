/** Taking a request in: one transaction, and the 202 only after its commit. */
import { sqlState } from '../store/database.js';
import type { Statement } from '../store/database.js';
import { IDEMPOTENCY_BLOCK, unsealIdempotency } from '../store/sealed-values.js';
import type { NothingKnown } from './known-targets.js';
import { fingerprint, storeRequests } from './store-requests.js';
import type { Idempotency, NewRequest, Stored } from './store-requests.js';
import type { Workplace } from './workplace.js';

export type Submitted =
  | { readonly kind: 'accepted'; readonly id: string; readonly body: string; readonly replayed: boolean }
  | { readonly kind: 'key_reused' }
  | { readonly kind: 'key_in_flight' }
  | { readonly kind: 'key_shredded' }
  | NothingKnown;

const LOCK_TIMED_OUT = '55P03';

/**
 * Stores a new request with all its items in a transaction of its own, and rings for the work to start. Gives the answer's
 * JSON text, which a later submission with the same key and body gets again byte for byte. Throws when the database is away:
 * nothing is stored.
 */
export async function submitAlone(workplace: Workplace, request: NewRequest): Promise<Submitted> {
  try {
    const [stored] = await workplace.database.transaction((tx) => storeRequests(tx, workplace, [request]));
    if (!stored) throw new Error('nothing became of a request');
    return await submitted(workplace, request, stored);
  } catch (error) {
    if (request.idempotency !== null && sqlState(error) === LOCK_TIMED_OUT) return { kind: 'key_in_flight' };
    throw error;
  }
}

/** What a submission comes to once what was stored of it is committed. Rings. */
export async function submitted(workplace: Workplace, request: NewRequest, stored: Stored): Promise<Submitted> {
  if (stored.kind === 'stored') {
    workplace.doorbell.ring(stored.systems);
    return { kind: 'accepted', id: request.id, body: stored.answer, replayed: false };
  }
  // What was known may have been forgotten just because the first under this key was done.
  const earlier = request.idempotency === null ? null : await findReplay(workplace, request.idempotency);
  // None when the first was rolled back between our two looks: the caller may try again.
  return earlier ?? (stored.kind === 'key_taken' ? { kind: 'key_in_flight' } : stored);
}

const FIRST_ANSWER: Statement = {
  name: 'first-answer',
  text: `select k.request_id as "requestId", b.sealed, w.wrapped from idempotency_key k
    left join sealed_block b on b.request_id = k.request_id and b.no = ${IDEMPOTENCY_BLOCK}
    left join request_key w on w.request_id = k.request_id
    where k.route = $1 and k.key_digest = $2`,
};

interface FirstAnswer {
  readonly requestId: string;
  readonly sealed: Buffer | null;
  readonly wrapped: Buffer | null;
}

/**
 * The answer to an idempotency key that is taken, or null for a free one. Asked where a key is found to be taken, and where a
 * submission is not fit to be stored: what may be submitted today says nothing about an answer already given.
 */
export async function findReplay(workplace: Workplace, idempotency: Idempotency): Promise<Submitted | null> {
  const digest = workplace.vault.lookupDigest(idempotency.route, idempotency.key);
  const row = (await workplace.database.rows<FirstAnswer>(FIRST_ANSWER, [idempotency.route, digest]))[0];
  if (!row) return null;
  if (row.sealed === null || row.wrapped === null) return { kind: 'key_shredded' };
  const first = unsealIdempotency(workplace.vault.unwrap(row.requestId, row.wrapped), row.requestId, row.sealed);
  if (first.fingerprint !== fingerprint(idempotency)) return { kind: 'key_reused' };
  return { kind: 'accepted', id: row.requestId, body: first.answer, replayed: true };
}
