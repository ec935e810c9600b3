/** Requests as they are answered: rows, their sealed subject opened, and what stands in their way. */
import type { Status } from '../core/request.js';
import type { Prisma } from './generated/client.js';
import type { ErasureRequestModel } from './generated/models.js';
import type { Database, Statement, Transaction } from './database.js';
import { databaseNow } from './clock.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import type { Page, PageOf } from './cursor.js';
import { SUBJECT_BLOCK, unsealSubject } from './sealed-values.js';
import type { SubjectValues } from './sealed-values.js';
import type { Vault } from './vault.js';

export interface Blockage {
  readonly system: string;
  readonly reason: string;
  readonly since: string;
}
export interface WarningResource {
  readonly code: string;
  readonly system: string;
  readonly at: string;
}

/** The request resource of the API. */
export interface RequestResource {
  readonly id: string;
  readonly status: string;
  readonly subject: { readonly ref: string } | null;
  readonly note: string | null;
  readonly source: string;
  readonly actor: string;
  readonly receivedAt: string;
  readonly dueAt: string;
  readonly createdAt: string;
  readonly settledAt: string | null;
  readonly shreddedAt: string | null;
  /** Why nothing of it is sent until a person lets it go, or null. */
  readonly held: string | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly blockedBy: readonly Blockage[];
  readonly warnings: readonly WarningResource[];
}

export interface RequestFilter {
  readonly status?: Status;
  readonly source?: string;
  readonly dueBefore?: Date;
  readonly overdue?: boolean;
  readonly dueSoon?: boolean;
  readonly subjectRef?: string;
}

/** A request that is not settled counts as due soon this long before its due date. */
const DUE_SOON_MS = 7 * 24 * 60 * 60 * 1000;

/** One request, or null. */
export async function readRequest(
  database: Database,
  vault: Vault,
  systems: ConfiguredNames,
  id: string,
): Promise<RequestResource | null> {
  const row = await database.prisma.erasureRequest.findUnique({ where: { id } });
  return row === null ? null : ((await toResources(database, vault, systems, [row]))[0] ?? null);
}

/** The names of the systems that are configured. */
export type ConfiguredNames = ReadonlySet<string>;

/** A page of requests, newest first. */
export async function listRequests(
  database: Database,
  vault: Vault,
  systems: ConfiguredNames,
  filter: RequestFilter,
  page: Page,
): Promise<PageOf<RequestResource> | 'bad_cursor'> {
  const after = page.cursor === null ? null : decodeCursor(page.cursor);
  if (page.cursor !== null && after === null) return 'bad_cursor';
  const now = await databaseNow(database);
  const rows = await database.prisma.erasureRequest.findMany({
    where: { AND: [...conditions(vault, filter, now), ...(after === null ? [] : [{ id: { lt: after } }])] },
    orderBy: { id: 'desc' },
    take: page.limit + 1,
  });
  const data = await toResources(database, vault, systems, rows.slice(0, page.limit));
  const last = data.at(-1);
  return { data, nextCursor: rows.length > page.limit && last ? encodeCursor(last.id) : null };
}

function conditions(vault: Vault, filter: RequestFilter, now: Date): Prisma.ErasureRequestWhereInput[] {
  const all: Prisma.ErasureRequestWhereInput[] = [];
  const late: Prisma.ErasureRequestWhereInput = { pending: { gt: 0 }, dueAt: { lt: now } };
  const soon: Prisma.ErasureRequestWhereInput = {
    pending: { gt: 0 },
    dueAt: { gte: now, lt: new Date(now.getTime() + DUE_SOON_MS) },
  };
  if (filter.status !== undefined) all.push({ status: filter.status });
  if (filter.source !== undefined) all.push({ source: filter.source });
  if (filter.dueBefore !== undefined) all.push({ dueAt: { lt: filter.dueBefore } });
  if (filter.overdue !== undefined) all.push(filter.overdue ? late : { NOT: late });
  if (filter.dueSoon !== undefined) all.push(filter.dueSoon ? soon : { NOT: soon });
  if (filter.subjectRef !== undefined) {
    all.push({ subjectDigest: new Uint8Array(subjectDigest(vault, filter.subjectRef)) });
  }
  return all;
}

/** By this a subject is found again without their reference standing anywhere in clear. */
export function subjectDigest(vault: Vault, ref: string): Buffer {
  return vault.digest('subject', ref);
}

interface BlockedRow {
  readonly requestId: string;
  readonly system: string;
  readonly reason: string;
  readonly since: Date;
}
const READ_BLOCKAGES: Statement = {
  name: 'read-blockages',
  text: `select r.id as "requestId", g.system,
      case when g.system = any ($2::text[]) then g.reason else 'not_configured' end as reason,
      case when g.system = any ($2::text[]) then g.since else r.created_at end as since
    from erasure_request r cross join gate g
    where r.id = any ($1::uuid[]) and r.pending > 0
      and (not g.system = any ($2::text[]) or (g.reason is not null and not (g.reason = 'rate' and g.until <= now())))
      and case when (select true from item i where i.system = g.system and i.outcome = 'pending' and not i.held limit 1)
        then exists (select from item i where i.request_id = r.id and i.system = g.system and i.outcome = 'pending' and not i.held) end
    order by g.system`,
};

async function toResources(
  database: Database,
  vault: Vault,
  systems: ConfiguredNames,
  rows: readonly ErasureRequestModel[],
): Promise<RequestResource[]> {
  const ids = rows.map((row) => row.id);
  const [warnings, subjects, blocked] = await Promise.all([
    database.prisma.warning.findMany({ where: { requestId: { in: ids } }, orderBy: [{ at: 'asc' }, { code: 'asc' }] }),
    readSubjects(database, vault, ids),
    readBlockages(database, systems, ids),
  ]);
  return rows.map((row) =>
    toResource(row, subjects.get(row.id) ?? null, {
      blockedBy: blocked.get(row.id) ?? [],
      warnings: warnings.filter((warning) => warning.requestId === row.id),
    }),
  );
}

/** One row as a resource. */
export function toResource(
  row: Omit<ErasureRequestModel, 'subjectDigest'>,
  subject: SubjectValues | null,
  beside: {
    readonly blockedBy: readonly Blockage[];
    readonly warnings: readonly { readonly code: string; readonly system: string; readonly at: Date }[];
  },
): RequestResource {
  const counts = {
    pending: row.pending,
    erased: row.erased,
    already_absent: row.alreadyAbsent,
    nothing_matched: row.nothingMatched,
    unconfirmed: row.unconfirmed,
    failed: row.failed,
    cancelled: row.cancelled,
  };
  return {
    id: row.id,
    status: row.status,
    subject: subject === null ? null : { ref: subject.ref },
    note: subject?.note ?? null,
    source: row.source,
    actor: row.actor,
    receivedAt: row.receivedAt.toISOString(),
    dueAt: row.dueAt.toISOString(),
    createdAt: row.createdAt.toISOString(),
    settledAt: row.settledAt?.toISOString() ?? null,
    shreddedAt: row.shreddedAt?.toISOString() ?? null,
    held: row.held,
    counts: { total: Object.values(counts).reduce((sum, count) => sum + count, 0), ...counts },
    blockedBy: beside.blockedBy,
    warnings: beside.warnings.map(({ code, system, at }) => ({ code, system, at: at.toISOString() })),
  };
}

async function readSubjects(
  database: Database,
  vault: Vault,
  ids: readonly string[],
): Promise<ReadonlyMap<string, SubjectValues>> {
  const rows = await database.prisma.sealedBlock.findMany({
    where: { requestId: { in: [...ids] }, no: SUBJECT_BLOCK },
    include: { request: { select: { key: true } } },
  });
  const opened = new Map<string, SubjectValues>();
  for (const row of rows) {
    const wrapped = row.request.key?.wrapped;
    if (wrapped)
      opened.set(row.requestId, unsealSubject(vault.unwrap(row.requestId, wrapped), row.requestId, row.sealed));
  }
  return opened;
}

/** Which gates keep pending items of these requests from going out, and since when. */
export async function readBlockages(
  reader: Pick<Transaction, 'rows'>,
  systems: ConfiguredNames,
  requestIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Blockage[]>> {
  const found = new Map<string, Blockage[]>();
  for (const row of await reader.rows<BlockedRow>(READ_BLOCKAGES, [requestIds, [...systems]])) {
    const { requestId, system, reason, since } = row;
    found.set(requestId, [...(found.get(requestId) ?? []), { system, reason, since: since.toISOString() }]);
  }
  return found;
}
