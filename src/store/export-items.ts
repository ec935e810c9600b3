/** The items of a period, read from one snapshot through a cursor, a page at a time, their personal values opened. */
import type { PoolClient } from 'pg';
import type { ExportRow } from '../core/period-export.js';
import type { Database } from './database.js';
import { OpenedValues } from './sealed-values.js';
import type { Vault } from './vault.js';

export interface ExportFilter {
  /** Requests received from here on; null for the first ever. */
  readonly from: Date | null;
  /** Requests received before; null for no end. */
  readonly to: Date | null;
  readonly system: string | null;
  readonly outcome: string | null;
}

/** Items held in memory at a time. */
const PAGE_ROWS = 2000;
/** How long the reader of the stream may let the snapshot wait: longer than a transaction of the work may idle. */
const IDLE_MAX = '10min';

/** Cells leave Postgres as they are written: no value is parsed only to be written again. */
const utc = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
/** Without a sort: requests in the order of their index, and of each its items in theirs. */
const DECLARE = `declare period no scroll cursor for
  select r.id, i.block, i.slot, concat_ws(',', r.source, i.system, i.kind),
    concat(i.outcome, ',', i.evidence, ',', i.reason, ',', i.attempts, ',', r.times, ',', ${utc('i.last_attempt_at')}, ',', ${utc('i.settled_at')})
  from (
    select id, source, concat(${utc('received_at')}, ',', ${utc('due_at')}) as times from erasure_request
    where received_at >= coalesce($1, '-infinity'::timestamptz) and received_at < coalesce($2, 'infinity'::timestamptz)
    order by received_at, id offset 0
  ) r cross join lateral (
    select * from item where request_id = r.id and ($3::text is null or system = $3) and ($4::text is null or outcome = $4)
    order by id offset 0
  ) i`;
const FETCH = `fetch forward ${PAGE_ROWS} from period`;

type Cells = readonly [requestId: string, block: string, slot: string, before: string, after: string];
const AS_TEXT = { getTypeParser: () => (value: string | Buffer) => value.toString() };

/**
 * Gives the items of requests received in [from, to), ordered by receipt, request and item: all from one snapshot, so that
 * nothing is left out or given twice while others write. Keys are read page by page outside of it: what is shredded
 * meanwhile stands in the rest with its personal columns null. Holds a connection until it ends or is left.
 */
export async function* exportItems(
  database: Database,
  vault: Vault,
  filter: ExportFilter,
): AsyncGenerator<readonly ExportRow[], void, undefined> {
  const client = await database.pool.connect();
  let broken: Error | undefined;
  const onLost = (error: Error) => {
    broken = error;
  };
  client.on('error', onLost);
  try {
    await client.query('begin isolation level repeatable read, read only');
    await client.query(`set local idle_in_transaction_session_timeout = '${IDLE_MAX}'`);
    await client.query(DECLARE, [filter.from, filter.to, filter.system, filter.outcome]);
    for (let next = fetchPage(client); ;) {
      const page = await next;
      const last = page.length < PAGE_ROWS;
      // Postgres reads the next page while this one is opened and sent.
      if (!last) next = fetchPage(client);
      next.catch(() => undefined);
      if (page.length > 0) yield await opened(database, vault, page);
      if (last) return;
    }
  } finally {
    await client.query('rollback').catch((error: unknown) => {
      broken ??= error instanceof Error ? error : new Error('rollback failed');
    });
    client.off('error', onLost);
    client.release(broken);
  }
}

async function fetchPage(client: PoolClient): Promise<readonly Cells[]> {
  const { rows } = await client.query<[...Cells]>({ text: FETCH, rowMode: 'array', types: AS_TEXT });
  return rows;
}

async function opened(database: Database, vault: Vault, page: readonly Cells[]): Promise<readonly ExportRow[]> {
  const places = page.map(([requestId, block, slot]) => ({ requestId, block: Number(block), slot: Number(slot) }));
  const values = await OpenedValues.read(database, vault, places, { subjects: true });
  return page.map(([requestId, , , before, after], index): ExportRow => {
    const place = places[index];
    const value = place === undefined ? null : values.at(place);
    return {
      requestId,
      subjectRef: values.subjects.get(requestId) ?? null,
      before,
      organizationId: one(value?.scope['organizationId']),
      documentId: one(value?.scope['documentId']),
      externalId: value?.externalId ?? null,
      after,
    };
  });
}

const one = (value: string | readonly string[] | undefined): string | null =>
  typeof value === 'string' ? value : null;
