/** What the ledger is told of calls: one event per call and request, with every item's verdict and what followed. */
import type { Reading } from '../core/answer.js';
import { groupBy } from '../core/grouping.js';
import type { JsonObject } from '../core/json.js';
import type { Outcome } from '../core/item.js';
import { SERVICE } from '../ledger/append.js';
import type { NewEvent } from '../ledger/append.js';
import { Commitments, itemValue } from '../ledger/commitment.js';
import type { CommittedItem } from '../ledger/commitment.js';
import type { LockedRequest } from '../store/attempts.js';
import type { OpenedValues } from '../store/sealed-values.js';
import type { ReopenedItem } from '../store/settle.js';
import type { Vault } from '../store/vault.js';
import type { ItemChange } from '../store/write-outcomes.js';
import { scopeKey } from './draft-items.js';
import type { CarriedItem, FinishedCall, JudgedCall, RevealedItem } from './finished-call.js';

/** What came of calls, as it was written. */
export interface Told {
  readonly changes: readonly ItemChange[];
  readonly revealed: readonly RevealedItem[];
  /** The values of calls that were begun and never completed. */
  readonly values: OpenedValues;
}

/** One item's line in an event, before lines that say the same are put together. */
interface Line {
  readonly requestId: string;
  readonly item: CommittedItem;
  readonly says: Says;
}
interface Says {
  /** The provider's answer for this item; null where the call answered for none, or for a selector. */
  readonly answer: string | null;
  /** What the item then was; null where the call changed nothing. */
  readonly outcome: Outcome | null;
  readonly evidence: string | null;
  readonly reason: string | null;
  /** Of an item that only a selector's answer revealed. */
  readonly selector: string | null;
  /** Of a selector. */
  readonly pass: { readonly clear: boolean; readonly nothing: boolean; readonly count: number | null } | null;
}

const NO_PASS = { clear: false, nothing: false, count: null };

/** The commitments of a call's items, by item, for which there is time while the provider is at work. */
export function commitmentsOf(
  system: string,
  items: readonly CarriedItem[],
  keys: ReadonlyMap<string, Buffer>,
): ReadonlyMap<string, string> {
  const byRequest = groupBy(items, (item) => item.requestId);
  const all = new Map<string, string>();
  for (const [requestId, own] of byRequest) {
    const key = keys.get(requestId);
    if (!key) continue;
    const commitments = new Commitments(key);
    for (const item of own) all.set(item.id, commitmentOf(commitments, system, item));
  }
  return all;
}

function commitmentOf(commitments: Commitments, system: string, item: Committed): string {
  return commitments.of(`item/${item.id}`, itemValue(system, item.kind, scopeKey(item.scope), item.externalId));
}

type Committed = Pick<CarriedItem, 'requestId' | 'id' | 'kind' | 'scope' | 'externalId'>;

export class CallEvents {
  private readonly commitments = new Map<string, Commitments | null>();

  /** @param requests those that the calls carried items of, locked */
  constructor(
    private readonly vault: Vault,
    private readonly requests: ReadonlyMap<string, LockedRequest>,
  ) {}

  /** The events of a call whose record is being written. */
  recorded(call: JudgedCall, told: Told): NewEvent[] {
    const nexts = new Map(
      told.changes
        .filter((change) => change.attemptId === call.attemptId)
        .map(({ requestId, id, next }) => [`${requestId}/${id}`, next]),
    );
    const changed = (of: { readonly requestId: string; readonly id: string }) => {
      const next = nexts.get(`${of.requestId}/${of.id}`);
      return { outcome: next?.outcome ?? null, evidence: next?.evidence ?? null, reason: next?.reason ?? null };
    };
    const carried = call.sent === null ? unfinished(call, told.values) : call.items;
    const lines = carried.map((item) => {
      const line = this.lineOf(call, item);
      return { ...line, says: { ...line.says, ...changed(item) } };
    });
    const revealed = told.revealed
      .filter((item) => item.attemptId === call.attemptId)
      .map((item): Line => {
        const { requestId, id, scope, externalId, selectorId } = item;
        const committed = this.commit(call, { requestId, id, kind: 'discovered', scope, externalId });
        const says = { answer: item.said, ...changed(item), selector: selectorId, pass: null };
        return { requestId, item: committed, says };
      });
    return this.events(call, [...lines, ...revealed], false);
  }

  /** The events of an answer that came after its call had been given up: it changes nothing. */
  late(call: FinishedCall): NewEvent[] {
    return this.events(
      call,
      call.items.map((item) => this.lineOf(call, item)),
      true,
    );
  }

  private lineOf(call: FinishedCall, item: CarriedItem): Line {
    const reading = call.sent?.left === true ? call.sent.reading : null;
    const answered = reading?.verdict === 'answered' ? reading : null;
    const answer = item.kind === 'selector' || item.externalId === null ? null : answered?.answers.get(item.externalId);
    const says = {
      answer: answer?.said ?? null,
      outcome: null,
      evidence: null,
      reason: null,
      selector: null,
      pass: item.kind === 'selector' && answered ? (answered.pass ?? NO_PASS) : null,
    };
    return { requestId: item.requestId, item: this.commit(call, item), says };
  }

  /** Of a request that was shredded meanwhile nothing more is said, whatever was worked out before. */
  private commit(call: Pick<FinishedCall, 'system' | 'commitments'>, item: Committed): CommittedItem {
    const commitments = this.of(item.requestId);
    if (commitments === null) return [item.id, null];
    return [item.id, call.commitments.get(item.id) ?? commitmentOf(commitments, call.system, item)];
  }

  private of(requestId: string): Commitments | null {
    let found = this.commitments.get(requestId);
    if (found === undefined) {
      const wrapped = this.requests.get(requestId)?.wrapped;
      found = wrapped ? new Commitments(this.vault.unwrap(requestId, wrapped)) : null;
      this.commitments.set(requestId, found);
    }
    return found;
  }

  private events(call: FinishedCall, lines: readonly Line[], late: boolean): NewEvent[] {
    const about = factsOf(call, () => new Set(lines.map(({ requestId, item }) => `${requestId}/${item[0]}`)).size);
    return [...groupBy(lines, (line) => line.requestId)].map(([stream, own]) => {
      const sha256 = call.sent?.sha256 ?? null;
      const response =
        sha256 === null ? null : (this.of(stream)?.of(`response/${call.attemptId}`, `"${sha256}"`) ?? null);
      return { stream, type: 'call', actor: SERVICE, data: { ...about, late, response, results: resultsOf(own) } };
    });
  }
}

/** A call that was never completed, with what it was to carry. */
function unfinished(call: JudgedCall, values: OpenedValues): CarriedItem[] {
  return call.histories.flatMap((item) => {
    const value = item.outcome === 'pending' ? values.at(item) : null;
    return value === null ? [] : [{ ...item, scope: value.scope, externalId: value.externalId }];
  });
}

/** What holds of the call as a whole, whoever's items it carried. `known` counts those of a call that never ended. */
function factsOf(call: FinishedCall, known: () => number): JsonObject {
  const { sent } = call;
  const reading = sent?.left === true ? sent.reading : null;
  const asked = sent === null ? known() : call.distinct;
  return {
    attempt: call.attemptId,
    system: call.system,
    probe: call.probe,
    verdict: reading?.verdict ?? 'interrupted',
    effect: sent === null ? 'unknown' : effectOf(reading),
    httpStatus: sent?.httpStatus ?? null,
    asked,
    named: reading === null ? 0 : namedBy(reading),
    counted: reading?.providerCount ?? null,
    anomalies: reading?.anomalies ?? [],
  };
}

/** Whether the call may have deleted what it carried without saying so; an answer says it ID by ID. */
function effectOf(reading: Reading | null): 'none' | 'unknown' | null {
  switch (reading?.verdict) {
    case 'unclear':
    case 'blocked':
      return reading.effect;
    case 'answered':
      return null;
    case 'refused':
    case undefined:
      return 'none';
  }
}

/** How many IDs the answer named. Those that are erased by subtraction it did not, nor those that it left unclear. */
function namedBy(reading: Reading): number {
  if (reading.verdict !== 'answered') return 0;
  const answers = [...reading.answers.values()];
  const subtracted = answers.filter((answer) => answer.said === 'erased' && answer.evidence === 'reconciled').length;
  const unclear = subtracted > 0 ? 0 : answers.filter((answer) => answer.said === 'unclear').length;
  return answers.length - subtracted - unclear;
}

function saysSame(a: Says, b: Says): boolean {
  const { answer, outcome, evidence, reason, selector, pass } = a;
  return (
    answer === b.answer &&
    outcome === b.outcome &&
    evidence === b.evidence &&
    reason === b.reason &&
    selector === b.selector &&
    pass === b.pass
  );
}

/** Lines that say the same, together. */
export function resultsOf(lines: readonly Pick<Line, 'item' | 'says'>[]): JsonObject[] {
  let last: { readonly says: Says; readonly key: string } | null = null;
  const groups = groupBy(lines, ({ says }) => {
    // Most say what their neighbour says.
    if (last === null || !saysSame(last.says, says)) last = { says, key: JSON.stringify(says) };
    return last.key;
  });
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first ? [{ ...first.says, items: group.map((line) => line.item) }] : [];
  });
}

/** The events of refusals that were taken back because so many in a row accused the contract. */
export function reopenedEvents(items: readonly ReopenedItem[]): NewEvent[] {
  return [...groupBy(items, (item) => item.requestId)].map(([stream, own]) => ({
    stream,
    type: 'reopened',
    actor: SERVICE,
    data: { items: own.map((item) => item.id) },
  }));
}
