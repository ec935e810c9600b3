/** Taking a request in: one transaction, and the 202 only after its commit. */
import { createHash } from 'node:crypto';
import { dueDate } from '../core/request.js';
import { appendEvents } from '../ledger/append.js';
import { Commitments } from '../ledger/commitment.js';
import type { Statement, Transaction } from '../store/database.js';
import { sqlState } from '../store/database.js';
import { databaseNow } from '../store/clock.js';
import { newId } from '../store/identifiers.js';
import { insertItems, systemsAlsoRequested } from '../store/insert-items.js';
import { readBlockages, subjectDigest, toResource } from '../store/read-requests.js';
import {
  insertBlocks,
  sealIdempotency,
  sealItems,
  sealSubject,
  unsealIdempotency,
  IDEMPOTENCY_BLOCK,
} from '../store/sealed-values.js';
import { noteEntryUse } from '../store/subject-directory.js';
import { addWarnings } from '../store/warnings.js';
import type { ReadTarget } from '../systems/target.js';
import { distinctAsks, draftItems } from './draft-items.js';
import { knownTargets } from './known-targets.js';
import type { NothingKnown } from './known-targets.js';
import { receivedEvent } from './received-event.js';
import type { Workplace } from './workplace.js';

export interface Submission {
  readonly subjectRef: string;
  /** When the person asked; null for now, by the database's clock. */
  readonly receivedAt: Date | null;
  readonly note: string | null;
  /** At least one, and every system among them is configured; null for all that the subject directory knows. */
  readonly targets: readonly ReadTarget[] | null;
}

export interface Idempotency {
  readonly route: string;
  readonly key: string;
  /** The submitted body as canonical JSON (RFC 8785). */
  readonly body: string;
}

export type Submitted =
  | { readonly kind: 'accepted'; readonly id: string; readonly body: string; readonly replayed: boolean }
  | { readonly kind: 'key_reused' }
  | { readonly kind: 'key_in_flight' }
  | { readonly kind: 'key_shredded' }
  | NothingKnown;

/** How long a second submission with the same key waits for the first. */
const KEY_WAIT: Statement = { name: 'key-wait', text: "set local lock_timeout = '2s'" };
const NO_WAIT_LIMIT: Statement = { name: 'no-wait-limit', text: 'set local lock_timeout = 0' };
const LOCK_TIMED_OUT = '55P03';

const INSERT_REQUEST: Statement = {
  name: 'insert-request',
  text: `insert into erasure_request (id, source, actor, received_at, due_at, subject_digest, held)
    values ($1, $2, $3, $4, $5, $6, $7)`,
};
const INSERT_KEY: Statement = {
  name: 'insert-key',
  text: 'insert into request_key (request_id, wrapped, generation) values ($1, $2, $3)',
};
const TAKE_IDEMPOTENCY_KEY: Statement = {
  name: 'take-idempotency-key',
  text: 'insert into idempotency_key (route, key_digest, request_id) values ($1, $2, $3) on conflict do nothing',
};
const READ_REQUEST: Statement = {
  name: 'read-new-request',
  text: `select id, source, actor, received_at as "receivedAt", due_at as "dueAt", created_at as "createdAt",
    started_at as "startedAt", held, settled_at as "settledAt", cancelled_at as "cancelledAt", shredded_at as "shreddedAt",
    pending, erased, already_absent as "alreadyAbsent", nothing_matched as "nothingMatched", unconfirmed, failed,
    cancelled, resolved, status from erasure_request where id = $1`,
};
const FIRST_ANSWER: Statement = {
  name: 'first-answer',
  text: `select k.request_id as "requestId", b.sealed, w.wrapped from idempotency_key k
    left join sealed_block b on b.request_id = k.request_id and b.no = ${IDEMPOTENCY_BLOCK}
    left join request_key w on w.request_id = k.request_id
    where k.route = $1 and k.key_digest = $2`,
};

/** The idempotency key was taken by somebody else: everything of this submission is rolled back. */
class KeyTaken extends Error {}

/**
 * Stores a request with all its items and rings for the work to start. Gives the answer's JSON text, which a later
 * submission with the same key and body gets again byte for byte. Throws when the database is away: nothing is stored.
 */
export async function submitRequest(
  workplace: Workplace,
  submission: Submission,
  by: { readonly actor: string; readonly source: string },
  idempotency: Idempotency | null,
): Promise<Submitted> {
  const id = newId();
  try {
    const stored = await workplace.database.transaction((tx) =>
      storeRequest(tx, workplace, id, submission, by, { idempotency, held: null }),
    );
    if (stored.kind !== 'stored') {
      // What was known may have been forgotten just because the first under this key was done.
      return (idempotency === null ? null : await findReplay(workplace, idempotency)) ?? stored;
    }
    workplace.doorbell.ring(stored.systems);
    return { kind: 'accepted', id, body: stored.answer, replayed: false };
  } catch (error) {
    if (idempotency !== null && error instanceof KeyTaken) {
      // None when the first was rolled back between our two looks: the caller may try again.
      return (await findReplay(workplace, idempotency)) ?? { kind: 'key_in_flight' };
    }
    if (idempotency !== null && sqlState(error) === LOCK_TIMED_OUT) return { kind: 'key_in_flight' };
    throw error;
  }
}

/** What was stored. */
interface Stored {
  readonly kind: 'stored';
  /** The answer's JSON text. */
  readonly answer: string;
  /** Where items are pending. */
  readonly systems: readonly string[];
}

/**
 * Stores a request in the caller's transaction, who rings once it is committed. With `held` nothing of it is sent until
 * somebody lets it go. Stores nothing where no targets are given and none are known of the subject.
 */
export async function storeRequest(
  tx: Transaction,
  workplace: Workplace,
  id: string,
  submission: Submission,
  by: { readonly actor: string; readonly source: string },
  { idempotency, held }: { readonly idempotency: Idempotency | null; readonly held: 'volume' | null },
): Promise<Stored | NothingKnown> {
  const { vault, systems } = workplace;
  const known = await knownTargets(tx, workplace, submission);
  if (known.kind !== 'known') return known;
  const receivedAt = submission.receivedAt ?? (await databaseNow(tx));
  const dueAt = dueDate(receivedAt);
  const subject = { ref: submission.subjectRef, note: submission.note };
  await tx.run(INSERT_REQUEST, [id, by.source, by.actor, receivedAt, dueAt, subjectDigest(vault, subject.ref), held]);
  if (idempotency !== null) await takeKey(tx, workplace, id, idempotency);
  if (known.entryId !== null) await noteEntryUse(tx, id, known.entryId);
  const draft = draftItems(vault, systems, id, distinctAsks(known.targets));
  const { key, wrapped } = vault.makeKey(id);
  await tx.run(INSERT_KEY, [id, wrapped, vault.generation]);
  await insertItems(tx, { id, dueAt, held: held !== null }, draft.groups, draft.items);
  const also = await systemsAlsoRequested(
    tx,
    draft.items.map((item) => item.digest),
    id,
  );
  const warnings = await addWarnings(
    tx,
    also.map((system) => ({ requestId: id, code: 'also_requested', system })),
  );
  const answer = JSON.stringify(await firstAnswer(tx, workplace, id, subject, warnings));
  const blocks = [
    sealSubject(key, id, subject),
    ...draft.blocks.map((block) => sealItems(key, id, block.no, block.values)),
    ...(idempotency === null ? [] : [sealIdempotency(key, id, { fingerprint: fingerprint(idempotency), answer })]),
  ];
  await insertBlocks(
    tx,
    blocks.map((block) => ({ ...block, requestId: id })),
  );
  const received = { actor: by.actor, source: by.source, receivedAt, dueAt };
  await appendEvents(tx, [receivedEvent(id, received, subject, draft.asked, new Commitments(key))]);
  return { kind: 'stored', answer, systems: [...new Set(known.targets.map((target) => target.system))] };
}

async function takeKey(tx: Transaction, workplace: Workplace, id: string, idempotency: Idempotency): Promise<void> {
  await tx.run(KEY_WAIT);
  const digest = workplace.vault.lookupDigest(idempotency.route, idempotency.key);
  if ((await tx.run(TAKE_IDEMPOTENCY_KEY, [idempotency.route, digest, id])) === 0) throw new KeyTaken();
  await tx.run(NO_WAIT_LIMIT);
}

async function firstAnswer(
  tx: Transaction,
  workplace: Workplace,
  id: string,
  subject: { readonly ref: string; readonly note: string | null },
  warnings: readonly { readonly code: string; readonly system: string; readonly at: Date }[],
): Promise<object> {
  const rows = await tx.rows<Parameters<typeof toResource>[0]>(READ_REQUEST, [id]);
  const row = rows[0];
  if (!row) throw new Error('the request just stored is not there');
  const blocked = await readBlockages(tx, workplace.configuredNames(), [id]);
  return toResource(row, subject, { blockedBy: blocked.get(id) ?? [], warnings });
}

function fingerprint(idempotency: Idempotency): string {
  return createHash('sha256').update(idempotency.body).digest('hex');
}

interface FirstAnswer {
  readonly requestId: string;
  readonly sealed: Buffer | null;
  readonly wrapped: Buffer | null;
}

/**
 * The answer to an idempotency key that is taken, or null for a free one. Asked before a submission is looked at closer:
 * what may be submitted today says nothing about an answer already given.
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
