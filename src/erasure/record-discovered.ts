/** What selector passes revealed: recorded ID by ID, and compared with what earlier passes already knew. */
import type { Answer } from '../core/answer.js';
import { advance, PROVEN } from '../core/item.js';
import { FRESH, historyOf } from '../core/history.js';
import { insertDiscovered, nextBlocks, readDiscovered } from '../store/discovered-items.js';
import type { DiscoveredItem, Doubted, NewDiscovered } from '../store/discovered-items.js';
import type { LockedRequest, RecordedItem } from '../store/attempts.js';
import type { Transaction } from '../store/database.js';
import { newId } from '../store/identifiers.js';
import { BLOCK_ITEMS, insertBlocks, sealItems } from '../store/sealed-values.js';
import type { AnswerValues, NewBlock } from '../store/sealed-values.js';
import type { ItemChange } from '../store/write-outcomes.js';
import type { Scope } from '../systems/system.js';
import { circumstances, delaysOf, keyOf, selectorChange } from './changes-of-call.js';
import { itemDigest, laneDigest, orderOf } from './draft-items.js';
import type { About, JudgedCall, Revealed, RevealedItem } from './finished-call.js';
import type { Workplace } from './workplace.js';

export interface Discovered {
  /** Changes of the revealed items themselves. */
  readonly changes: readonly ItemChange[];
  /** A selector's change, with what its pass revealed taken into account; any other change as it is. */
  adjust(change: ItemChange): ItemChange;
  /** Revealed items that a pass may have deleted without its being recorded as their outcome. */
  readonly doubted: readonly Doubted[];
  /** Everything that was named, also what stays as it is. */
  readonly revealed: readonly RevealedItem[];
  /** The provider's words for revealed items of a request in a call, by item. */
  said(attemptId: string, requestId: string): AnswerValues['items'];
}

/** Records what the answered selector calls among these revealed. Their requests must be locked. */
export async function recordDiscovered(
  tx: Transaction,
  workplace: Workplace,
  calls: readonly JudgedCall[],
  requests: ReadonlyMap<string, LockedRequest>,
  about: About,
): Promise<Discovered> {
  const passes = calls.flatMap((call) => revealing(workplace, call));
  const adjusted = new Map<string, ItemChange>();
  const changes: ItemChange[] = [];
  const said = new Map<string, AnswerValues['items']>();
  const doubted: Doubted[] = [];
  const named: RevealedItem[] = [];
  if (passes.length > 0) {
    const selectors = passes.flatMap((pass) => pass.selectors);
    const known = await readDiscovered(
      tx,
      selectors.map((selector) => selector.id),
    );
    const blocks = await nextBlocks(tx, [...new Set(selectors.map((selector) => selector.requestId))]);
    for (const pass of passes) {
      for (const selector of pass.selectors) {
        const earlier = known.filter((item) => item.selectorId === selector.id);
        const revealed = await recordPass(tx, workplace, { ...pass, selector, earlier, blocks, requests }, about);
        changes.push(...revealed.changes);
        doubted.push(...revealed.doubted);
        named.push(...revealed.named);
        const at = `${pass.call.attemptId}/${selector.requestId}`;
        said.set(at, { ...said.get(at), ...revealed.said });
        adjusted.set(keyOf(selector), selectorChange(pass.call, selector, revealed, about));
      }
    }
  }
  return {
    changes,
    doubted,
    revealed: named,
    adjust: (change) => adjusted.get(`${change.requestId}/${change.id}`) ?? change,
    said: (attemptId, requestId) => said.get(`${attemptId}/${requestId}`) ?? {},
  };
}

interface Revealing {
  readonly call: JudgedCall;
  readonly scope: Scope;
  readonly answers: ReadonlyMap<string, Answer>;
  readonly selectors: readonly RecordedItem[];
}

/** A selector call whose answer named IDs, or may have: tags answer with a count and reveal none. */
function revealing(workplace: Workplace, call: JudgedCall): Revealing[] {
  const reading = call.sent?.left ? call.sent.reading : null;
  const first = call.items[0];
  if (!call.selects || !first || reading?.verdict !== 'answered') return [];
  const scope = workplace.system(call.system).system.discoveredScope(first.scope);
  if (scope === null) return [];
  const selectors = call.histories.filter((item) => item.outcome === 'pending');
  return [{ call, scope, answers: reading.answers, selectors }];
}

interface Pass extends Revealing {
  readonly selector: RecordedItem;
  readonly earlier: readonly DiscoveredItem[];
  readonly blocks: Map<string, number>;
  readonly requests: ReadonlyMap<string, LockedRequest>;
}

async function recordPass(tx: Transaction, workplace: Workplace, pass: Pass, about: About): Promise<Revealed> {
  const { call, selector, scope, answers } = pass;
  const before = new Map(pass.earlier.map((item) => [item.digest, item]));
  const unknownEffect = selector.unknownEffect;
  const fresh: NewDiscovered[] = [];
  const freshIds: string[] = [];
  const changes: ItemChange[] = [];
  const said: Record<string, readonly [string | null, string | null]> = {};
  const delays = delaysOf(call, about);
  const doubted: Doubted[] = [];
  const named: RevealedItem[] = [];
  let exhausted = answers.size > 0;
  for (const [externalId, answer] of answers) {
    const asked = { system: call.system, scope, kind: 'id', externalId } as const;
    const digest = itemDigest(workplace.vault, asked);
    const found = before.get(digest.toString('hex'));
    exhausted &&= found?.outcome === 'failed' && answer.said === 'refused';
    const id = found?.id ?? newId();
    const { requestId: ofRequest, id: selectorId } = selector;
    named.push({
      attemptId: call.attemptId,
      requestId: ofRequest,
      selectorId,
      id,
      scope,
      externalId,
      said: answer.said,
    });
    if (!found) {
      freshIds.push(externalId);
      fresh.push({ requestId: ofRequest, id, selectorId, digest, ...placeOf(pass, freshIds.length - 1) });
    }
    const unrecorded = found !== undefined && (found.claimed || found.outcome === 'unconfirmed');
    if (found && (answer.said === 'unclear' || (unrecorded && answer.said === 'erased'))) {
      doubted.push({ selectorId: selector.id, id: found.id });
    }
    if (found && (found.claimed || found.resolved || (found.outcome !== 'pending' && found.outcome !== 'failed')))
      continue;
    said[id] = [answer.providerId, answer.text];
    const history = found ? historyOf(found) : { ...FRESH, unknownEffect };
    const next = advance(history, { kind: 'answer', answer }, circumstances(call, selector, about));
    if (found?.outcome === 'failed' && next.outcome !== 'failed' && !PROVEN.includes(next.outcome)) continue;
    changes.push({
      requestId: selector.requestId,
      id,
      next,
      delayMs: delays(next),
      suspectId: null,
      attemptId: call.attemptId,
      carried: true,
      spokenOf: true,
    });
  }
  await insertFresh(tx, workplace, pass, fresh, freshIds);
  const erasedBefore = pass.earlier.some((item) => item.outcome === 'erased');
  return {
    changes,
    said,
    doubted,
    named,
    happening: { exhausted },
    erasedBefore,
    matched: pass.earlier.length + fresh.length,
  };
}

function placeOf(pass: Pass, index: number): { block: number; slot: number } {
  const first = pass.blocks.get(pass.selector.requestId) ?? 1;
  return { block: first + Math.floor(index / BLOCK_ITEMS), slot: index % BLOCK_ITEMS };
}

async function insertFresh(
  tx: Transaction,
  workplace: Workplace,
  pass: Pass,
  fresh: readonly NewDiscovered[],
  externalIds: readonly string[],
): Promise<void> {
  const { requestId } = pass.selector;
  const wrapped = pass.requests.get(requestId)?.wrapped;
  if (fresh.length === 0 || !wrapped) return;
  const { vault } = workplace;
  const key = vault.unwrap(requestId, wrapped);
  const system = workplace.system(pass.call.system).system;
  const blocks: (NewBlock & { requestId: string })[] = [];
  for (let from = 0; from < externalIds.length; from += BLOCK_ITEMS) {
    const items = externalIds.slice(from, from + BLOCK_ITEMS).map((id) => [0, id] as const);
    const { block } = placeOf(pass, from);
    blocks.push({ ...sealItems(key, requestId, block, { scopes: [pass.scope], items }), requestId });
  }
  await insertBlocks(tx, blocks);
  pass.blocks.set(requestId, (pass.blocks.get(requestId) ?? 1) + blocks.length);
  const asked = { system: system.name, scope: pass.scope, kind: 'id', externalId: null } as const;
  const place = system.place(pass.scope, 'id', externalIds[0] ?? null);
  const order = orderOf(vault, system.provider.name, place, requestId);
  await insertDiscovered(
    tx,
    { system: system.name, kind: 'discovered', lane: laneDigest(vault, asked), ...order },
    fresh,
  );
}
