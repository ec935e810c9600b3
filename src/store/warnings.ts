/** Warnings on requests: what a person should look at before believing an outcome. */
import type { Statement, Transaction } from './database.js';

export type WarningCode =
  'all_absent' | 'stranger' | 'count_mismatch' | 'document_before_comments' | 'also_requested' | 'resolved_by_hand';

export interface NewWarning {
  readonly requestId: string;
  readonly code: WarningCode;
  readonly system: string;
}

const ADD_WARNINGS: Statement = {
  name: 'add-warnings',
  text: `insert into warning (request_id, code, system)
    select distinct r, c, s from unnest($1::uuid[], $2::text[], $3::text[]) as w (r, c, s)
    on conflict do nothing returning request_id as "requestId", code, system, at`,
};

/**
 * Two requests submitted at the same moment do not see each other. Of any two one is committed first, and the items of the
 * other are not sent before: whoever looks when its items are first sent sees the one before it.
 */
const WARN_SHARED: Statement = {
  name: 'warn-shared',
  text: `insert into warning (request_id, code, system)
    select distinct i.request_id, 'also_requested', i.system
    from claim c join item i on i.request_id = c.request_id and i.id = c.item_id and i.attempts = 0 and i.selector_id is null
    join item o on o.digest = i.digest and o.selector_id is null and o.request_id <> i.request_id
    join erasure_request mine on mine.id = i.request_id join erasure_request other on other.id = o.request_id
    where c.batch_id = any ($1::uuid[]) and (other.created_at < mine.created_at or not exists (
      select from warning w where w.request_id = o.request_id and w.code = 'also_requested' and w.system = i.system))
    order by 1, 3
    on conflict do nothing`,
};

/**
 * Warns the requests of items in these batches that another request holds the same, unless that one is the later and knows
 * of it already.
 */
export async function warnShared(tx: Transaction, batchIds: readonly string[]): Promise<void> {
  await tx.run(WARN_SHARED, [batchIds]);
}

/** Adds warnings; one of a code and system stands once on a request. Gives those that are new. */
export async function addWarnings(
  tx: Transaction,
  warnings: readonly NewWarning[],
): Promise<{ readonly requestId: string; readonly code: string; readonly system: string; readonly at: Date }[]> {
  if (warnings.length === 0) return [];
  return tx.rows(ADD_WARNINGS, [
    warnings.map((warning) => warning.requestId),
    warnings.map((warning) => warning.code),
    warnings.map((warning) => warning.system),
  ]);
}
