/** Writes the messages to whoever wants to be told, in the transaction that makes what they say true. */
import { messageBody } from '../core/notification.js';
import type { Database, Transaction } from '../store/database.js';
import type { GateRow } from '../store/gates.js';
import { findDeadlines, findListeners, findSettled, insertDeliveries } from '../store/notification-news.js';
import type { NewDelivery, RequestNews } from '../store/notification-news.js';

/** Tells of those of these requests that this transaction settled. */
export async function notifySettled(tx: Transaction, requestIds: readonly string[]): Promise<void> {
  if (requestIds.length > 0) await insertDeliveries(tx, (await findSettled(tx, requestIds)).flatMap(deliveriesOf));
}

/** Tells of a gate that has just closed for a reason that only a person can mend. */
export async function notifyBlocked(
  tx: Transaction,
  provider: string,
  before: GateRow,
  { system, gate: { reason, sinceMs } }: GateRow,
): Promise<void> {
  if ((reason !== 'credentials' && reason !== 'quota') || reason === before.gate.reason || sinceMs === null) return;
  const event = 'system.blocked';
  const occasion = new Date(sinceMs);
  const body = messageBody(event, occasion, { system, provider, reason, since: occasion.toISOString() });
  const endpointIds = await findListeners(tx, event);
  await insertDeliveries(
    tx,
    endpointIds.map((endpointId) => ({ endpointId, event, about: system, occasion, body })),
  );
}

/**
 * Finds requests that came to be due soon or overdue, each once, however many look, and tells of them. True when there
 * may be more.
 */
export async function notifyDeadlines(database: Database): Promise<boolean> {
  return database.transaction(async (tx) => {
    const { news, more } = await findDeadlines(tx);
    await insertDeliveries(tx, news.flatMap(deliveriesOf));
    return more;
  });
}

function deliveriesOf({ event, occasion, at, facts, endpointIds }: RequestNews): NewDelivery[] {
  const body = messageBody(event, at, facts);
  return endpointIds.map((endpointId) => ({ endpointId, event, about: facts.requestId, occasion, body }));
}
