/** The personal values of a request, in blocks: many IDs under one encryption, in rows of their own. */
import { seal, unseal } from './vault.js';
import type { Vault } from './vault.js';
import type { Statement, Transaction } from './database.js';

/** Items whose values share a block: one decryption serves a whole call. */
export const BLOCK_ITEMS = 128;
export const IDEMPOTENCY_BLOCK = -1;
export const SUBJECT_BLOCK = 0;
export const FIRST_ITEM_BLOCK = 1;

type SealedScope = Readonly<Record<string, string | readonly string[]>>;

/** What a block of items says, in clear: the scopes, and per item which scope and which external ID, if any. */
export interface ItemValues {
  readonly scopes: readonly SealedScope[];
  readonly items: readonly (readonly [scope: number, externalId: string | null])[];
}
export interface SubjectValues {
  readonly ref: string;
  readonly note: string | null;
}
/** The first answer to an idempotent submission, and the digest of the body that got it. */
export interface IdempotencyValues {
  readonly fingerprint: string;
  readonly answer: string;
}
/** What a provider said in one call, as far as it concerns one request. */
export interface AnswerValues {
  readonly sha256: string | null;
  readonly status: string | null;
  /** The words for the call as a whole; null when it carried somebody else's items too. */
  readonly message: string | null;
  /** Per item: the provider's own id and words for it. */
  readonly items: Readonly<Record<string, readonly [providerId: string | null, text: string | null]>>;
}

export interface NewBlock {
  readonly no: number;
  readonly sealed: Buffer;
}

const place = (requestId: string, no: number) => `sealed_block ${requestId} ${no}`;
const answerPlace = (requestId: string, attemptId: string) => `attempt_part ${requestId} ${attemptId}`;

export function sealItems(key: Buffer, requestId: string, no: number, values: ItemValues): NewBlock {
  return { no, sealed: seal(key, place(requestId, no), JSON.stringify(values)) };
}
export function sealSubject(key: Buffer, requestId: string, values: SubjectValues): NewBlock {
  return { no: SUBJECT_BLOCK, sealed: seal(key, place(requestId, SUBJECT_BLOCK), JSON.stringify(values)) };
}
export function sealIdempotency(key: Buffer, requestId: string, values: IdempotencyValues): NewBlock {
  return { no: IDEMPOTENCY_BLOCK, sealed: seal(key, place(requestId, IDEMPOTENCY_BLOCK), JSON.stringify(values)) };
}
export function sealText(key: Buffer, requestId: string, no: number, text: string): NewBlock {
  return { no, sealed: seal(key, place(requestId, no), JSON.stringify(text)) };
}
export function sealAnswer(key: Buffer, requestId: string, attemptId: string, values: AnswerValues): Buffer {
  return seal(key, answerPlace(requestId, attemptId), JSON.stringify(values));
}

/** Opens what was sealed at a place. The tag vouches that we wrote it; the form, that it was this version of us. */
function open<T>(key: Buffer, about: string, sealed: Uint8Array, isForm: (value: unknown) => value is T): T {
  const value: unknown = JSON.parse(unseal(key, about, sealed).toString('utf8'));
  if (!isForm(value)) throw new Error('a sealed value has a form that this version does not know');
  return value;
}
const has = (value: unknown, ...names: readonly string[]) =>
  typeof value === 'object' && value !== null && names.every((name) => Object.hasOwn(value, name));
const isItems = (value: unknown): value is ItemValues => has(value, 'scopes', 'items');
const isSubject = (value: unknown): value is SubjectValues => has(value, 'ref', 'note');
const isIdempotency = (value: unknown): value is IdempotencyValues => has(value, 'fingerprint', 'answer');
const isAnswer = (value: unknown): value is AnswerValues => has(value, 'sha256', 'status', 'message', 'items');
const isText = (value: unknown): value is string => typeof value === 'string';
export function unsealItems(key: Buffer, requestId: string, no: number, sealed: Uint8Array): ItemValues {
  return open(key, place(requestId, no), sealed, isItems);
}
export function unsealSubject(key: Buffer, requestId: string, sealed: Uint8Array): SubjectValues {
  return open(key, place(requestId, SUBJECT_BLOCK), sealed, isSubject);
}
export function unsealIdempotency(key: Buffer, requestId: string, sealed: Uint8Array): IdempotencyValues {
  return open(key, place(requestId, IDEMPOTENCY_BLOCK), sealed, isIdempotency);
}
export function unsealText(key: Buffer, requestId: string, no: number, sealed: Uint8Array): string {
  return open(key, place(requestId, no), sealed, isText);
}
export function unsealAnswer(key: Buffer, requestId: string, attemptId: string, sealed: Uint8Array): AnswerValues {
  return open(key, answerPlace(requestId, attemptId), sealed, isAnswer);
}

const INSERT_BLOCKS: Statement = {
  name: 'insert-blocks',
  text: 'insert into sealed_block (request_id, no, sealed) select r, n, s from unnest($1::uuid[], $2::int[], $3::bytea[]) as b (r, n, s)',
};

export async function insertBlocks(
  tx: Transaction,
  blocks: readonly (NewBlock & { readonly requestId: string })[],
): Promise<void> {
  if (blocks.length === 0) return;
  await tx.run(INSERT_BLOCKS, [
    blocks.map((block) => block.requestId),
    blocks.map((block) => block.no),
    blocks.map((block) => block.sealed),
  ]);
}

const READ_BLOCKS: Statement = {
  name: 'read-blocks',
  text: `select b.request_id as "requestId", b.no, b.sealed, k.wrapped
    from unnest($1::uuid[], $2::int[]) as w (request_id, no)
    join sealed_block b on b.request_id = w.request_id and b.no = w.no
    join request_key k on k.request_id = b.request_id`,
};

interface BlockRow {
  readonly requestId: string;
  readonly no: number;
  readonly sealed: Buffer;
  readonly wrapped: Buffer;
}

/** Where the values of an item stand. */
export interface ValuePlace {
  readonly requestId: string;
  readonly block: number;
  readonly slot: number;
}

/** What does not open, as after a restore out of two backups, must not stop what stands beside it. */
function openOrNull<T>(open: () => T): T | null {
  try {
    return open();
  } catch {
    return null;
  }
}

/** Opened item blocks: gives the scope and external ID at a place. A shredded request has no key, and gives null. */
export class OpenedValues {
  private readonly blocks = new Map<string, ItemValues>();
  readonly keys = new Map<string, Buffer>();
  /** References of the subjects by request, where they were asked for. */
  readonly subjects = new Map<string, string>();

  /** Opens the blocks of these places, and with `subjects` the subject of each request, all as they stand at one moment. */
  static async read(
    reader: Pick<Transaction, 'rows'>,
    vault: Vault,
    places: readonly ValuePlace[],
    { subjects = false }: { readonly subjects?: boolean } = {},
  ): Promise<OpenedValues> {
    const opened = new OpenedValues();
    const wanted = new Map<string, Omit<ValuePlace, 'slot'>>();
    for (const { requestId, block } of places) {
      wanted.set(`${requestId} ${block}`, { requestId, block });
      if (subjects) wanted.set(`${requestId} ${SUBJECT_BLOCK}`, { requestId, block: SUBJECT_BLOCK });
    }
    if (wanted.size === 0) return opened;
    const asked = [...wanted.values()];
    const rows = await reader.rows<BlockRow>(READ_BLOCKS, [
      asked.map((at) => at.requestId),
      asked.map((at) => at.block),
    ]);
    for (const row of rows) {
      const key = opened.keys.get(row.requestId) ?? openOrNull(() => vault.unwrap(row.requestId, row.wrapped));
      if (!key) continue;
      opened.keys.set(row.requestId, key);
      if (row.no === SUBJECT_BLOCK) {
        const subject = openOrNull(() => unsealSubject(key, row.requestId, row.sealed));
        if (subject) opened.subjects.set(row.requestId, subject.ref);
        continue;
      }
      const block = openOrNull(() => unsealItems(key, row.requestId, row.no, row.sealed));
      if (block) opened.blocks.set(`${row.requestId} ${row.no}`, block);
    }
    return opened;
  }

  at(where: ValuePlace): { readonly scope: SealedScope; readonly externalId: string | null } | null {
    const block = this.blocks.get(`${where.requestId} ${where.block}`);
    const entry = block?.items[where.slot];
    const scope = entry && block.scopes[entry[0]];
    return entry && scope ? { scope, externalId: entry[1] } : null;
  }
}
