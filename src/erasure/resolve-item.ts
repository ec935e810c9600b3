import { canonicalJson } from '../core/canonical.js';
import { appendEvents } from '../ledger/append.js';
import { Commitments } from '../ledger/commitment.js';
import { holdRequest, itemExists, resolveRow } from '../store/change-items.js';
import { nextBlocks } from '../store/discovered-items.js';
import { insertBlocks, sealText } from '../store/sealed-values.js';
import { addWarnings } from '../store/warnings.js';
import { announceSettled } from './announce-settled.js';
import type { Workplace } from './workplace.js';

export type Resolved = { readonly kind: 'resolved' | 'not_found' | 'not_open' | 'shredded' };

/**
 * A person closes a failed or unconfirmed item. Its outcome stays; the resolution stands beside it, the reason sealed,
 * and the request carries the warning `resolved_by_hand`.
 */
export async function resolveItem(
  workplace: Workplace,
  at: { readonly requestId: string; readonly itemId: string },
  how: { readonly resolution: 'erased_elsewhere' | 'waived'; readonly reason: string; readonly actor: string },
): Promise<Resolved> {
  const { requestId } = at;
  const systems: string[] = [];
  const result = await workplace.database.transaction(async (tx): Promise<Resolved> => {
    systems.length = 0;
    const request = await holdRequest(tx, requestId);
    if (request === null || !(await itemExists(tx, requestId, at.itemId))) return { kind: 'not_found' };
    if (request.shredded || request.wrapped === null) return { kind: 'shredded' };
    const block = (await nextBlocks(tx, [requestId])).get(requestId) ?? 1;
    const system = await resolveRow(tx, at, { resolution: how.resolution, block, actor: how.actor });
    if (system === null) return { kind: 'not_open' };
    const key = workplace.vault.unwrap(requestId, request.wrapped);
    await insertBlocks(tx, [{ ...sealText(key, requestId, block, how.reason), requestId }]);
    await addWarnings(tx, [{ requestId, code: 'resolved_by_hand', system }]);
    const reason = new Commitments(key).of(`resolution/${at.itemId}`, canonicalJson(how.reason));
    const data = { item: at.itemId, resolution: how.resolution, reason };
    await appendEvents(tx, [{ stream: requestId, type: 'resolved', actor: how.actor, data }]);
    await announceSettled(tx, workplace, [requestId]);
    systems.push(system);
    return { kind: 'resolved' };
  });
  // Nothing is to be sent again; but somebody may be waiting to be told.
  workplace.doorbell.ring(systems);
  return result;
}
