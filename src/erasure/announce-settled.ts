/** What follows when requests settle, in the transaction that settles them. */
import type { Transaction } from '../store/database.js';
import { forgetCompleted } from './forget-completed.js';
import { notifySettled } from './notify.js';
import type { Workplace } from './workplace.js';

/**
 * To be called at the end of every transaction that may have settled some of these requests, after their outcomes and
 * warnings were written. Most of them will not have settled: each part looks for itself.
 */
export async function announceSettled(
  tx: Transaction,
  _workplace: Workplace,
  requestIds: readonly string[],
): Promise<void> {
  await forgetCompleted(tx, requestIds);
  await notifySettled(tx, requestIds);
}
