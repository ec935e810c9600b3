/** The rows of new requests: all of several at once, in one transaction and with as many statements as one alone. */
import { createHash } from 'node:crypto';
import { dueDate } from '../core/request.js';
import { beginStreams } from '../ledger/append.js';
import type { NewEvent } from '../ledger/append.js';
import { Commitments } from '../ledger/commitment.js';
import { databaseNow } from '../store/clock.js';
import type { Transaction } from '../store/database.js';
import { insertItems, systemsAlsoRequested } from '../store/insert-items.js';
import { insertKeys, insertRequests, limitKeyWait, readNewRequests } from '../store/insert-requests.js';
import type { RequestRow } from '../store/insert-requests.js';
import { readBlockages, subjectDigest, toResource } from '../store/read-requests.js';
import { insertBlocks, sealIdempotency, sealItems, sealSubject } from '../store/sealed-values.js';
import { noteEntryUse } from '../store/subject-directory.js';
import { addWarnings } from '../store/warnings.js';
import type { ReadTarget } from '../systems/target.js';
import { distinctAsks, draftItems } from './draft-items.js';
import type { Draft } from './draft-items.js';
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

/** One request that is to be. */
export interface NewRequest {
  readonly id: string;
  readonly submission: Submission;
  readonly actor: string;
  readonly source: string;
  readonly idempotency: Idempotency | null;
  /** With a reason, nothing of it is sent until somebody lets it go. */
  readonly held: 'volume' | null;
}

export type Stored =
  | {
      readonly kind: 'stored';
      /** The answer's JSON text. */
      readonly answer: string;
      /** Where items are pending. */
      readonly systems: readonly string[];
    }
  /** Its idempotency key is another request's, by this transaction or one before it: nothing of it was stored. */
  | { readonly kind: 'key_taken' }
  | NothingKnown;

/** How long a submission waits for the first one under its idempotency key. */
const KEY_WAIT_MS = 2000;

/** One that will be stored, unless its key is taken. */
interface Ready extends NewRequest {
  readonly receivedAt: Date;
  readonly dueAt: Date;
  readonly subjectDigest: Buffer;
  readonly key: Buffer;
  readonly wrapped: Buffer;
  readonly draft: Draft;
  readonly entryId: string | null;
}

/**
 * Stores requests in the caller's transaction, who rings once it is committed. Gives what became of each, in their order:
 * of two under one idempotency key the first is stored. Fails as a whole when another transaction holds such a key for
 * longer than `keyWaitMs` (`lock_not_available`).
 */
export async function storeRequests(
  tx: Transaction,
  workplace: Workplace,
  requests: readonly NewRequest[],
  keyWaitMs: number = KEY_WAIT_MS,
): Promise<readonly Stored[]> {
  const keyed = requests.some((request) => request.idempotency !== null);
  const now = keyed ? await limitKeyWait(tx, keyWaitMs) : await databaseNow(tx);
  const prepared = await prepare(tx, workplace, requests, now);
  const ready = prepared.filter((request) => 'draft' in request);
  const rows = ready.map((request) => rowOf(workplace, request));
  const free = new Set(await insertRequests(tx, rows));
  const made = ready.filter((request) => free.has(request.id));
  const answers = await storeParts(tx, workplace, made, now);
  return prepared.map((request): Stored => {
    if (!('draft' in request)) return request;
    const answer = answers.get(request.id);
    if (answer === undefined) return { kind: 'key_taken' };
    return { kind: 'stored', answer, systems: [...new Set(request.draft.asked.map((asked) => asked.system))] };
  });
}

/** Drafts what each asks for; in the place of one whose targets are not known, why. */
async function prepare(
  tx: Transaction,
  workplace: Workplace,
  requests: readonly NewRequest[],
  now: Date,
): Promise<readonly (Ready | NothingKnown)[]> {
  const { vault, systems } = workplace;
  const prepared: (Ready | NothingKnown)[] = [];
  for (const request of requests) {
    const known = await knownTargets(tx, workplace, request.submission);
    if (known.kind !== 'known') {
      prepared.push(known);
      continue;
    }
    const receivedAt = request.submission.receivedAt ?? now;
    prepared.push({
      ...request,
      receivedAt,
      dueAt: dueDate(receivedAt),
      subjectDigest: subjectDigest(vault, request.submission.subjectRef),
      ...vault.makeKey(request.id),
      draft: draftItems(vault, systems, request.id, distinctAsks(known.targets)),
      entryId: known.entryId,
    });
  }
  return prepared;
}

function rowOf({ vault }: Workplace, request: Ready): RequestRow {
  const { idempotency } = request;
  const key =
    idempotency === null
      ? null
      : { route: idempotency.route, digest: vault.lookupDigest(idempotency.route, idempotency.key) };
  return { ...request, idempotency: key };
}

/** Everything beside the rows of the requests themselves. Gives the answers by request. */
async function storeParts(
  tx: Transaction,
  workplace: Workplace,
  requests: readonly Ready[],
  now: Date,
): Promise<ReadonlyMap<string, string>> {
  if (requests.length === 0) return new Map();
  await insertKeys(tx, workplace.vault.generation, requests);
  for (const { id, entryId } of requests) if (entryId !== null) await noteEntryUse(tx, id, entryId);
  const [also, { blocks, events }] = await Promise.all([
    insertDrafts(tx, requests),
    // Worked out while the database inserts.
    beside(requests),
  ]);
  const warnings = await addWarnings(
    tx,
    also.map(({ requestId, system }) => ({ requestId, code: 'also_requested', system })),
  );
  const answers = await firstAnswers(tx, workplace, requests, warnings);
  const replays = requests.flatMap((request) => sealedAnswer(request, answers.get(request.id) ?? ''));
  await Promise.all([insertBlocks(tx, [...blocks, ...replays]), beginStreams(tx, events, now)]);
  return answers;
}

const subjectOf = ({ subjectRef, note }: Submission) => ({ ref: subjectRef, note });

/** Gives the systems at which an earlier request holds the same, by request. */
async function insertDrafts(tx: Transaction, requests: readonly Ready[]): ReturnType<typeof systemsAlsoRequested> {
  await insertItems(
    tx,
    requests.map(({ id, dueAt, held, draft }) => ({ ...draft, id, dueAt, held: held !== null })),
  );
  return systemsAlsoRequested(
    tx,
    requests.flatMap(({ id, draft }) => draft.items.map((item) => ({ requestId: id, digest: item.digest }))),
  );
}

type Blocks = Parameters<typeof insertBlocks>[1];

/** What stands beside the items: their personal values, each request's under its key, and its first event. */
async function beside(
  requests: readonly Ready[],
): Promise<{ readonly blocks: Blocks; readonly events: readonly NewEvent[] }> {
  const blocks: Blocks[] = [];
  const events: NewEvent[] = [];
  for (const { id, submission, draft, key, ...request } of requests) {
    const sealed = [
      sealSubject(key, id, subjectOf(submission)),
      ...draft.blocks.map((block) => sealItems(key, id, block.no, block.values)),
    ];
    blocks.push(sealed.map((block) => ({ ...block, requestId: id })));
    events.push(await receivedEvent(id, request, subjectOf(submission), draft.asked, new Commitments(key)));
  }
  return { blocks: blocks.flat(), events };
}

/** The answer that a repeated submission gets. */
function sealedAnswer({ id, key, idempotency }: Ready, answer: string): Blocks {
  if (idempotency === null) return [];
  return [{ ...sealIdempotency(key, id, { fingerprint: fingerprint(idempotency), answer }), requestId: id }];
}

async function firstAnswers(
  tx: Transaction,
  workplace: Workplace,
  requests: readonly Ready[],
  warnings: Awaited<ReturnType<typeof addWarnings>>,
): Promise<ReadonlyMap<string, string>> {
  const ids = requests.map((request) => request.id);
  const [made, blocked] = await Promise.all([
    readNewRequests(tx, ids),
    readBlockages(tx, workplace.configuredNames(), ids),
  ]);
  const rows = new Map(made.map((row) => [row.id, row]));
  return new Map(
    requests.map(({ id, submission }) => {
      const row = rows.get(id);
      if (!row) throw new Error('the request just stored is not there');
      const own = warnings.filter((warning) => warning.requestId === id);
      const resource = toResource(row, subjectOf(submission), { blockedBy: blocked.get(id) ?? [], warnings: own });
      return [id, JSON.stringify(resource)];
    }),
  );
}

/** By this a later body under the same key is told from the first. */
export function fingerprint(idempotency: Idempotency): string {
  return createHash('sha256').update(idempotency.body).digest('hex');
}
