import { OUTCOMES, PROVEN } from '../core/item.js';
import { reportHead } from '../core/report.js';
import type {
  Checkpoint,
  ItemSelection,
  ReportAttempt,
  ReportHead,
  ReportItem,
  ReportLists,
  RequestRead,
} from '../core/report.js';
import { databaseNow } from '../store/clock.js';
import type { Page, PageOf } from '../store/cursor.js';
import { listAttempts } from '../store/read-attempts.js';
import type { AttemptResource } from '../store/read-attempts.js';
import { listItems } from '../store/read-items.js';
import type { ItemFilter, ItemResource } from '../store/read-items.js';
import { countCalls, countItems } from '../store/read-report.js';
import { readRequest } from '../store/read-requests.js';
import type { RequestResource } from '../store/read-requests.js';
import type { Workplace } from './workplace.js';

/** Rows read at once: what a report of any length keeps in memory. */
const PAGE_ROWS = 500;

export interface IssuedReport extends ReportLists {
  readonly kind: 'issued';
  readonly head: ReportHead;
  /** Asked when the lists are written: true when the request is no longer as the head says. */
  hasChanged(): Promise<boolean>;
}

const SELECTIONS: Readonly<Record<ItemSelection, ItemFilter>> = {
  all: {},
  open: { outcome: { in: OUTCOMES.filter((outcome) => !PROVEN.includes(outcome)) } },
  proven: { outcome: { in: [...PROVEN] } },
  resolved: { resolution: { not: null } },
};

/**
 * The audit report of a request, as of now by the database's clock. Its lists are read in pages while they are written,
 * so that a request of any size takes the memory of one page; personal values are null once the request is shredded.
 * `integrity` is the newest signed checkpoint that covers the request's record, or null where there is none.
 */
export async function issueReport(
  workplace: Workplace,
  requestId: string,
  integrity: Checkpoint | null,
): Promise<IssuedReport | { readonly kind: 'not_found' }> {
  const { database, vault, systems } = workplace;
  const request = await readRequest(database, vault, workplace.configuredNames(), requestId);
  if (request === null) return { kind: 'not_found' };
  const items = await countItems(database, requestId);
  const calls = await countCalls(database, requestId);
  const titles = new Map([...systems].map(([name, { system }]) => [name, system.title]));
  const head = reportHead({ request: readOf(request), items, calls, titles, integrity }, await databaseNow(database));
  return {
    kind: 'issued',
    head,
    items: (which, system) => {
      const filter = { ...SELECTIONS[which], ...(system === undefined ? {} : { system }) };
      return pages((page) => listItems(database, vault, requestId, filter, page), reportItem);
    },
    attempts: () => pages((page) => listAttempts(database, vault, requestId, page), reportAttempt),
    hasChanged: async () => {
      const isCounted = JSON.stringify(await countItems(database, requestId)) === JSON.stringify(items);
      const row = await database.prisma.erasureRequest.findUnique({ where: { id: requestId } });
      return !isCounted || (row?.shreddedAt?.toISOString() ?? null) !== request.shreddedAt;
    },
  };
}

/** Page after page until there is no further one. */
async function* pages<Row, Line>(
  read: (page: Page) => Promise<PageOf<Row> | 'bad_cursor' | 'not_found'>,
  line: (row: Row) => Line,
): AsyncGenerator<readonly Line[]> {
  let cursor: string | null = null;
  do {
    const page: PageOf<Row> | 'bad_cursor' | 'not_found' = await read({ limit: PAGE_ROWS, cursor });
    if (typeof page === 'string') throw new Error(`a page of a report could not be read: ${page}`);
    yield page.data.map(line);
    cursor = page.nextCursor;
  } while (cursor !== null);
}

/** The request without its note: a person's free words are no part of the record. */
function readOf(request: RequestResource): RequestRead {
  const { id, status, subject, source, actor, receivedAt, dueAt, createdAt, settledAt, shreddedAt } = request;
  const { blockedBy, warnings } = request;
  const about = { id, status, subject, source, actor, receivedAt, dueAt, createdAt, settledAt, shreddedAt };
  return { ...about, blockedBy, warnings };
}

/** The item without the provider's own id and words. */
function reportItem({ providerId: _id, providerMessage: _words, ...item }: ItemResource): ReportItem {
  return item;
}

/** The call without the provider's own words. */
function reportAttempt({
  providerStatus: _status,
  providerMessage: _words,
  ...attempt
}: AttemptResource): ReportAttempt {
  return attempt;
}
