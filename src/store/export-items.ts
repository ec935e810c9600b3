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

/** Times leave Postgres as they are answered, so that no value is parsed only to be written again. */
const utc = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const DECLARE = `declare period no scroll cursor for
  select i.request_id, i.block, i.slot, r.source, i.system, i.kind, i.outcome, i.evidence, i.reason, i.attempts,
    ${utc('r.received_at')}, ${utc('r.due_at')}, ${utc('i.last_attempt_at')}, ${utc('i.settled_at')}
  from erasure_request r join item i on i.request_id = r.id
  where r.received_at >= coalesce($1, '-infinity'::timestamptz) and r.received_at < coalesce($2, 'infinity'::timestamptz)
    and ($3::text is null or i.system = $3) and ($4::text is null or i.outcome = $4)
  order by r.received_at, r.id, i.id`;
const FETCH = `fetch forward ${PAGE_ROWS} from period`;

type Cells = readonly [
  requestId: string,
  block: string,
  slot: string,
  source: string,
  system: string,
  kind: string,
  outcome: string,
  evidence: string | null,
  reason: string | null,
  attempts: string,
  receivedAt: string,
  dueAt: string,
  lastAttemptAt: string | null,
  settledAt: string | null,
];
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
    for (;;) {
      const page = await fetchPage(client);
      if (page.length > 0) yield await opened(database, vault, page);
      if (page.length < PAGE_ROWS) return;
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
  return page.map((cells, index): ExportRow => {
    const [requestId, , , source, system, kind, outcome, evidence, reason, attempts, received, due, last, settled] =
      cells;
    const place = places[index];
    const value = place === undefined ? null : values.at(place);
    return {
      request_id: requestId,
      subject_ref: values.subjects.get(requestId) ?? null,
      source,
      system,
      kind,
      organization_id: one(value?.scope['organizationId']),
      document_id: one(value?.scope['documentId']),
      external_id: value?.externalId ?? null,
      outcome,
      evidence,
      reason,
      attempts: Number(attempts),
      received_at: received,
      due_at: due,
      last_attempt_at: last,
      settled_at: settled,
    };
  });
}

const one = (value: string | readonly string[] | undefined): string | null =>
  typeof value === 'string' ? value : null;
