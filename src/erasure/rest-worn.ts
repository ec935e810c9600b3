/** Due items that have been tried as often as allowed: they rest, or go once more. */
import { groupBy } from '../core/grouping.js';
import { restsNow } from '../core/worn.js';
import { appendEvents, SERVICE } from '../ledger/append.js';
import { lockRequests } from '../store/attempts.js';
import type { Transaction } from '../store/database.js';
import type { Due } from '../store/due-items.js';
import { warnWhereAllAbsent } from '../store/settle.js';
import { readWorn, restItems } from '../store/worn-items.js';
import { announceSettled } from './announce-settled.js';
import type { ConfiguredSystem, Workplace } from './workplace.js';

/**
 * Puts the worn among these due items to rest, and gives the others. Only under the lock of the dispatcher: nobody else
 * hands the items out meanwhile, so that no call of theirs is under way.
 */
export async function restWorn(
  tx: Transaction,
  workplace: Workplace,
  { system }: ConfiguredSystem,
  due: readonly Due[],
): Promise<readonly Due[]> {
  const { retryMaxAttempts: attemptsMax, providerTimeoutMs, leaseMarginMs } = workplace.settings;
  const worn = due.filter((item) => item.spent >= attemptsMax);
  if (worn.length === 0) return due;
  const requestIds = [...new Set(worn.map((item) => item.requestId))].sort();
  await lockRequests(tx, requestIds);
  const found = await readWorn(tx, system.provider.name, worn, providerTimeoutMs + leaseMarginMs);
  const resting = found.filter((item) => restsNow({ ...item, attemptsMax }));
  if (resting.length === 0) return due;
  const rested = await restItems(tx, resting);
  await appendEvents(
    tx,
    [...groupBy(rested, (item) => item.requestId)].map(([stream, items]) => ({
      stream,
      type: 'rested',
      actor: SERVICE,
      data: { items: items.map((item) => item.id) },
    })),
  );
  await warnWhereAllAbsent(tx, requestIds);
  await announceSettled(tx, workplace, requestIds);
  const gone = new Set(resting.map((item) => `${item.requestId}/${item.id}`));
  return due.filter((item) => !gone.has(`${item.requestId}/${item.id}`));
}
