/** Requests that settle in the very transaction that asks. */
import type { Outcome } from '../core/item.js';
import type { Status } from '../core/request.js';
import type { Statement, Transaction } from './database.js';

export interface SettledRequest {
  readonly id: string;
  readonly status: Status;
  readonly counts: Readonly<Record<Outcome | 'resolved', number>>;
}

const READ_DONE: Statement = {
  name: 'read-done',
  text: 'select id from erasure_request where id = any ($1::uuid[]) and pending = 0',
};

/** Those of these requests of which nothing is pending: only of them can there be more to say. */
export async function readDone(tx: Transaction, requestIds: readonly string[]): Promise<string[]> {
  return (await tx.rows<{ id: string }>(READ_DONE, [requestIds])).map((row) => row.id);
}

/** Settled now, or closed now by a person's resolving the last open end. */
const READ_SETTLED: Statement = {
  name: 'read-settled',
  text: `select r.id, r.status, json_build_object('pending', r.pending, 'erased', r.erased, 'already_absent', r.already_absent,
      'nothing_matched', r.nothing_matched, 'unconfirmed', r.unconfirmed, 'failed', r.failed, 'cancelled', r.cancelled,
      'resolved', r.resolved) as counts
    from erasure_request r where r.id = any ($1::uuid[]) and r.pending = 0
      and (r.settled_at = now() or (r.resolved > 0 and r.status = 'completed'
        and exists (select from item i where i.request_id = r.id and i.resolved_at = now())))
    order by r.id`,
};

/** Those of these requests that the transaction settled. They must be locked. */
export async function readSettled(tx: Transaction, requestIds: readonly string[]): Promise<SettledRequest[]> {
  return tx.rows<SettledRequest>(READ_SETTLED, [requestIds]);
}
