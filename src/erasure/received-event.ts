import { setImmediate as leaveTheTurn } from 'node:timers/promises';
import { canonicalJson } from '../core/canonical.js';
import type { NewEvent } from '../ledger/append.js';
import { itemsRoot, itemValue } from '../ledger/commitment.js';
import type { CommittedItem, Commitments } from '../ledger/commitment.js';
import { scopeKey } from './draft-items.js';
import type { Asked } from './draft-items.js';

/** So many items are worked on without a pause: their rows go to the database meanwhile. */
const ITEMS_A_TURN = 2_000;

/** The first event of a request. Of its items it holds one root: each is named by the event of its call. */
export async function receivedEvent(
  stream: string,
  request: { readonly actor: string; readonly source: string; readonly receivedAt: Date; readonly dueAt: Date },
  subject: { readonly ref: string; readonly note: string | null },
  asked: readonly (Asked & { readonly id: string })[],
  commitments: Commitments,
): Promise<NewEvent> {
  const systems = new Map<string, number>();
  for (const { system } of asked) systems.set(system, (systems.get(system) ?? 0) + 1);
  const committed: CommittedItem[] = [];
  for (const [index, { id, system, kind, scope, externalId }] of asked.entries()) {
    if (index > 0 && index % ITEMS_A_TURN === 0) await leaveTheTurn();
    committed.push([id, commitments.of(`item/${id}`, itemValue(system, kind, scopeKey(scope), externalId))]);
  }
  const root = itemsRoot(committed);
  const data = {
    source: request.source,
    receivedAt: request.receivedAt.toISOString(),
    dueAt: request.dueAt.toISOString(),
    subject: commitments.of('subject', canonicalJson(subject.ref)),
    note: subject.note === null ? null : commitments.of('note', canonicalJson(subject.note)),
    items: { count: asked.length, root, systems: Object.fromEntries(systems) },
  };
  return { stream, type: 'received', actor: request.actor, data };
}
