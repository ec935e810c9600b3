/** What the disclosure of a request's evidence is made of: where its personal values stand, page by page. */
import type { Kind } from '../core/item.js';
import type { Statement, Transaction } from './database.js';

type Reader = Pick<Transaction, 'rows'>;
/** Rows of a page. */
const PAGE_ROWS = 1000;
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

export interface DisclosedItem {
  readonly requestId: string;
  readonly id: string;
  readonly system: string;
  readonly kind: Kind;
  readonly block: number;
  readonly slot: number;
}
const READ_ITEMS: Statement = {
  name: 'read-disclosed-items',
  text: `select request_id as "requestId", id, system, kind, block, slot from item
    where request_id = $1 and id > $2 order by id limit ${PAGE_ROWS}`,
};

/** Pages of a request's items, by id. */
export function disclosedItems(reader: Reader, requestId: string): AsyncGenerator<DisclosedItem[]> {
  return pages((last) => reader.rows<DisclosedItem>(READ_ITEMS, [requestId, last]));
}

export interface DisclosedAnswer {
  /** Of the attempt. */
  readonly id: string;
  readonly sealed: Buffer;
}
const READ_ANSWERS: Statement = {
  name: 'read-disclosed-answers',
  text: `select attempt_id as id, sealed from attempt_part
    where request_id = $1 and attempt_id > $2 and sealed is not null order by attempt_id limit ${PAGE_ROWS}`,
};

/** Pages of what providers said in the calls of a request, by attempt. */
export function disclosedAnswers(reader: Reader, requestId: string): AsyncGenerator<DisclosedAnswer[]> {
  return pages((last) => reader.rows<DisclosedAnswer>(READ_ANSWERS, [requestId, last]));
}

export interface DisclosedResolution {
  /** Of the item. */
  readonly id: string;
  readonly no: number;
  readonly sealed: Buffer;
}
const READ_RESOLUTIONS: Statement = {
  name: 'read-disclosed-resolutions',
  text: `select i.id, b.no, b.sealed from item i join sealed_block b on b.request_id = i.request_id and b.no = i.resolution_block
    where i.request_id = $1 and i.id > $2 and i.resolution is not null order by i.id limit ${PAGE_ROWS}`,
};

/** Pages of the reasons why people closed items of a request, by item. */
export function disclosedResolutions(reader: Reader, requestId: string): AsyncGenerator<DisclosedResolution[]> {
  return pages((last) => reader.rows<DisclosedResolution>(READ_RESOLUTIONS, [requestId, last]));
}

const READ_SUBJECT: Statement = {
  name: 'read-disclosed-subject',
  text: `select b.sealed, k.wrapped from request_key k join sealed_block b on b.request_id = k.request_id and b.no = 0
    where k.request_id = $1`,
};

/** The subject and the key of a request; null once shredded. */
export async function disclosedSubject(
  reader: Reader,
  requestId: string,
): Promise<{ readonly sealed: Buffer; readonly wrapped: Buffer } | null> {
  return (await reader.rows<{ sealed: Buffer; wrapped: Buffer }>(READ_SUBJECT, [requestId]))[0] ?? null;
}

async function* pages<Row extends { readonly id: string }>(
  read: (last: string) => Promise<Row[]>,
): AsyncGenerator<Row[]> {
  for (let last = BEFORE_ALL; ;) {
    const rows = await read(last);
    if (rows.length > 0) yield rows;
    const end = rows.at(-1);
    if (!end || rows.length < PAGE_ROWS) return;
    last = end.id;
  }
}
