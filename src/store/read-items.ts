/** Items and attempts as they are answered, their personal values opened. */
import type { Kind, Outcome } from '../core/item.js';
import { groupBy } from '../core/grouping.js';
import type { Prisma } from './generated/client.js';
import type { ItemModel } from './generated/models.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import type { Page, PageOf } from './cursor.js';
import type { Database } from './database.js';
import { OpenedValues, unsealAnswer, unsealText } from './sealed-values.js';
import type { AnswerValues } from './sealed-values.js';
import type { Vault } from './vault.js';

/** The item resource of the API. */
export interface ItemResource {
  readonly id: string;
  readonly system: string;
  readonly kind: string;
  readonly externalId: string | null;
  readonly scope: Readonly<Record<string, string | readonly string[]>> | null;
  readonly outcome: string;
  readonly evidence: string | null;
  readonly providerId: string | null;
  readonly providerMessage: string | null;
  readonly reason: string | null;
  readonly matched: number | null;
  readonly selectorId: string | null;
  readonly attempts: number;
  readonly lastAttemptAt: string | null;
  readonly settledAt: string | null;
  readonly resolution: string | null;
  readonly resolutionReason: string | null;
  readonly resolvedBy: string | null;
  readonly resolvedAt: string | null;
}

export interface ItemFilter {
  readonly system?: string;
  readonly outcome?: Outcome | { readonly in: Outcome[] };
  readonly kind?: Kind;
  /** Only those that a person closed. */
  readonly resolution?: { readonly not: null };
}

/** A page of a request's items, in the order in which they were made. */
export async function listItems(
  database: Database,
  vault: Vault,
  requestId: string,
  filter: ItemFilter,
  page: Page,
): Promise<PageOf<ItemResource> | 'bad_cursor' | 'not_found'> {
  const after = page.cursor === null ? null : decodeCursor(page.cursor);
  if (page.cursor !== null && after === null) return 'bad_cursor';
  const where: Prisma.ItemWhereInput = { requestId, ...filter, ...(after === null ? {} : { id: { gt: after } }) };
  const rows = await database.prisma.item.findMany({ where, orderBy: { id: 'asc' }, take: page.limit + 1 });
  if (rows.length === 0 && (await database.prisma.erasureRequest.count({ where: { id: requestId } })) === 0)
    return 'not_found';
  const data = await toItems(database, vault, rows.slice(0, page.limit));
  const last = data.at(-1);
  return { data, nextCursor: rows.length > page.limit && last ? encodeCursor(last.id) : null };
}

/** One item of a request, or null. */
export async function readItem(
  database: Database,
  vault: Vault,
  requestId: string,
  id: string,
): Promise<ItemResource | null> {
  const row = await database.prisma.item.findUnique({ where: { requestId_id: { requestId, id } } });
  return row === null ? null : ((await toItems(database, vault, [row]))[0] ?? null);
}

async function toItems(database: Database, vault: Vault, rows: readonly ItemModel[]): Promise<ItemResource[]> {
  const values = await OpenedValues.read(database, vault, rows);
  const answers = await readAnswers(database, values, rows);
  const reasons = await readReasons(database, values, rows);
  return rows.map((row) => {
    const value = values.at(row);
    const said = row.answerId === null ? undefined : answers.get(`${row.requestId} ${row.answerId}`)?.items[row.id];
    return {
      id: row.id,
      system: row.system,
      kind: row.kind,
      externalId: value?.externalId ?? null,
      scope: value?.scope ?? null,
      outcome: row.outcome,
      evidence: row.evidence,
      providerId: said?.[0] ?? null,
      providerMessage: said?.[1] ?? null,
      reason: row.reason,
      matched: row.matched === null ? null : Number(row.matched),
      selectorId: row.selectorId,
      attempts: row.attempts,
      lastAttemptAt: row.lastAttemptAt?.toISOString() ?? null,
      settledAt: row.settledAt?.toISOString() ?? null,
      resolution: row.resolution,
      resolutionReason: reasons.get(row.id) ?? null,
      resolvedBy: row.resolvedBy,
      resolvedAt: row.resolvedAt?.toISOString() ?? null,
    };
  });
}

async function readAnswers(
  database: Database,
  values: OpenedValues,
  rows: readonly { readonly requestId: string; readonly answerId: string | null }[],
): Promise<ReadonlyMap<string, AnswerValues>> {
  const opened = new Map<string, AnswerValues>();
  for (const [requestId, ofRequest] of groupBy(rows, (row) => row.requestId)) {
    const key = values.keys.get(requestId);
    const attemptIds = [...new Set(ofRequest.flatMap((row) => (row.answerId === null ? [] : [row.answerId])))];
    if (!key || attemptIds.length === 0) continue;
    const parts = await database.prisma.attemptPart.findMany({ where: { requestId, attemptId: { in: attemptIds } } });
    for (const part of parts) {
      if (part.sealed !== null)
        opened.set(`${requestId} ${part.attemptId}`, unsealAnswer(key, requestId, part.attemptId, part.sealed));
    }
  }
  return opened;
}

async function readReasons(
  database: Database,
  values: OpenedValues,
  rows: readonly { readonly requestId: string; readonly id: string; readonly resolutionBlock: number | null }[],
): Promise<ReadonlyMap<string, string>> {
  const reasons = new Map<string, string>();
  const resolved = rows.flatMap(({ resolutionBlock: no, ...row }) => (no === null ? [] : [{ ...row, no }]));
  for (const [requestId, ofRequest] of groupBy(resolved, (row) => row.requestId)) {
    const key = values.keys.get(requestId);
    if (!key) continue;
    const no = { in: ofRequest.map((row) => row.no) };
    const blocks = await database.prisma.sealedBlock.findMany({ where: { requestId, no } });
    const sealed = new Map(blocks.map((block) => [block.no, block.sealed]));
    for (const row of ofRequest) {
      const block = sealed.get(row.no);
      if (block) reasons.set(row.id, unsealText(key, requestId, row.no, block));
    }
  }
  return reasons;
}
