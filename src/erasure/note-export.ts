import { appendEvents } from '../ledger/append.js';
import type { JsonObject } from '../core/json.js';
import { holdRequest } from '../store/change-items.js';
import { lockExports } from '../store/ledger-events.js';
import type { Workplace } from './workplace.js';

/** The stream of exports that are of no single request. */
const EXPORTS = 'exports';

/** Puts on record that somebody took something out of a request; false when there is no such request. */
export async function noteExport(
  { database }: Pick<Workplace, 'database'>,
  requestId: string,
  actor: string,
  data: JsonObject,
): Promise<boolean> {
  return database.transaction(async (tx) => {
    if ((await holdRequest(tx, requestId)) === null) return false;
    await appendEvents(tx, [{ stream: requestId, type: 'exported', actor, data }]);
    return true;
  });
}

/** Puts on record that somebody takes out the items of a period. */
export async function notePeriodExport(
  { database }: Pick<Workplace, 'database'>,
  actor: string,
  data: JsonObject,
): Promise<void> {
  await database.transaction(async (tx) => {
    await lockExports(tx);
    await appendEvents(tx, [{ stream: EXPORTS, type: 'exported', actor, data }]);
  });
}
