/** What was known of a subject is forgotten once it is erased. */
import { forgetCompletedEntries } from '../store/subject-directory.js';
import type { Transaction } from '../store/database.js';

/**
 * Forgets the directory entries out of which these requests took their targets: of those that are completed without a
 * warning, and where the entry was not replaced since (interface, "Subject directory").
 */
export async function forgetCompleted(tx: Transaction, requestIds: readonly string[]): Promise<void> {
  if (requestIds.length > 0) await forgetCompletedEntries(tx, requestIds);
}
