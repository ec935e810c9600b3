/** Provider calls as they are answered, what the provider said opened. */
import { decodeCursor, encodeCursor } from './cursor.js';
import type { Page, PageOf } from './cursor.js';
import type { Database } from './database.js';
import { unsealAnswer } from './sealed-values.js';
import type { Vault } from './vault.js';

/** The attempt resource of the API. */
export interface AttemptResource {
  readonly id: string;
  readonly system: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly httpStatus: number | null;
  readonly providerStatus: string | null;
  readonly providerMessage: string | null;
  readonly providerCount: number | null;
  readonly responseSha256: string | null;
  /** How many different IDs the call named, whoever asked for them. */
  readonly ids: number;
  /** How many items of this request it carried. */
  readonly items: number;
  readonly late: boolean;
  readonly verdict: string | null;
}

/** A page of the provider calls that carried items of a request, oldest first. */
export async function listAttempts(
  database: Database,
  vault: Vault,
  requestId: string,
  page: Page,
): Promise<PageOf<AttemptResource> | 'bad_cursor' | 'not_found'> {
  const after = page.cursor === null ? null : decodeCursor(page.cursor);
  if (page.cursor !== null && after === null) return 'bad_cursor';
  const request = await database.prisma.erasureRequest.findUnique({ where: { id: requestId }, select: { key: true } });
  if (request === null) return 'not_found';
  const rows = await database.prisma.attemptPart.findMany({
    where: { requestId, ...(after === null ? {} : { attemptId: { gt: after } }) },
    include: { attempt: true },
    orderBy: { attemptId: 'asc' },
    take: page.limit + 1,
  });
  const key = request.key === null ? null : vault.unwrap(requestId, request.key.wrapped);
  const data = rows.slice(0, page.limit).map(({ attempt, sealed, itemIds }): AttemptResource => {
    const said = key === null || sealed === null ? null : unsealAnswer(key, requestId, attempt.id, sealed);
    return {
      id: attempt.id,
      system: attempt.system,
      startedAt: attempt.startedAt.toISOString(),
      endedAt: attempt.endedAt?.toISOString() ?? null,
      httpStatus: attempt.httpStatus,
      providerStatus: said?.status ?? null,
      providerMessage: said?.message ?? null,
      providerCount: attempt.providerCount === null ? null : Number(attempt.providerCount),
      responseSha256: said?.sha256 ?? null,
      ids: attempt.ids,
      items: itemIds.length,
      late: attempt.late,
      verdict: attempt.verdict,
    };
  });
  const last = data.at(-1);
  return { data, nextCursor: rows.length > page.limit && last ? encodeCursor(last.id) : null };
}
