/** What follows when requests settle, in the transaction that settles them. */
import { appendEvents, SERVICE } from '../ledger/append.js';
import type { Transaction } from '../store/database.js';
import { readSettled } from '../store/settled-requests.js';
import { forgetCompleted } from './forget-completed.js';
import { notifySettled } from './notify.js';
import type { Workplace } from './workplace.js';

/**
 * To be called last in every transaction that may have settled some of these requests, after their outcomes and warnings
 * were written, the requests locked. Most of them will not have settled: each part looks for itself.
 */
export async function announceSettled(
  tx: Transaction,
  _workplace: Workplace,
  requestIds: readonly string[],
): Promise<void> {
  const settled = await readSettled(tx, requestIds);
  await appendEvents(
    tx,
    settled.map(({ id, status, counts }) => ({
      stream: id,
      type: 'settled',
      actor: SERVICE,
      data: { status, counts },
    })),
  );
  await forgetCompleted(tx, requestIds);
  await notifySettled(tx, requestIds);
}
