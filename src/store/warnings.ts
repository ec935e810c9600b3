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
    on conflict do nothing returning code, system, at`,
};

/** Adds warnings; one of a code and system stands once on a request. Gives those that are new. */
export async function addWarnings(
  tx: Transaction,
  warnings: readonly NewWarning[],
): Promise<{ readonly code: string; readonly system: string; readonly at: Date }[]> {
  if (warnings.length === 0) return [];
  return tx.rows(ADD_WARNINGS, [
    warnings.map((warning) => warning.requestId),
    warnings.map((warning) => warning.code),
    warnings.map((warning) => warning.system),
  ]);
}
