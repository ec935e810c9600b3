/** What a call makes of each item that it carried: pure but for the dice of the back-off. */
import { randomUUID } from 'node:crypto';
import type { Answer } from '../core/answer.js';
import { backoffMs } from '../core/backoff.js';
import type { Gate } from '../core/gate.js';
import { advance } from '../core/item.js';
import { historyOf } from '../core/history.js';
import type { Again, Circumstances, Happening, Next } from '../core/item.js';
import { halves } from '../core/plan.js';
import type { EndedAttempt, RecordedItem } from '../store/attempts.js';
import type { ItemChange } from '../store/write-outcomes.js';
import type { About, CarriedItem, JudgedCall, Revealed } from './finished-call.js';

export interface CallOutcome {
  readonly attempt: EndedAttempt;
  readonly changes: readonly ItemChange[];
}

/** The record of a call's attempt, and the change of every item that it carried and that is still pending. */
export function changesOfCall(call: JudgedCall, about: About): CallOutcome {
  const carried = new Map(call.items.map((item) => [`${item.requestId}/${item.id}`, item]));
  const nexts = call.histories.flatMap((item): Moved[] => {
    const own = carried.get(keyOf(item));
    if (item.outcome !== 'pending' || (call.sent !== null && own === undefined)) return [];
    const happening = happeningOf(call, item, own);
    return [{ item, next: advance(historyOf(item), happening, circumstances(call, item, about)) }];
  });
  const left = call.sent === null || call.sent.left;
  const companies = companiesOf(nexts, delaysOf(call, about), !left);
  const answered = call.sent?.left === true && call.sent.reading.verdict !== 'unclear';
  const changes = nexts.map(({ item, next }): ItemChange => {
    const company = next.outcome === 'pending' ? companies.get(keyOf(item)) : undefined;
    return {
      requestId: item.requestId,
      id: item.id,
      next,
      delayMs: company?.delayMs ?? 0,
      suspectId: company?.suspectId ?? null,
      attemptId: call.attemptId,
      carried: left,
      spokenOf: answered,
    };
  });
  const wordless = call.sent === null || call.sent.reading.verdict === 'unclear';
  const spent = wordless && nexts.some(({ item, next }) => next.spent > item.spent);
  return { attempt: endOf(call, spent), changes };
}

export function keyOf(item: { readonly requestId: string; readonly id: string }): string {
  return `${item.requestId}/${item.id}`;
}

function endOf(call: JudgedCall, spent: boolean): EndedAttempt {
  const { attemptId: id, sent } = call;
  if (sent === null || !sent.left) return { id, verdict: 'interrupted', httpStatus: null, providerCount: null, spent };
  const { verdict, providerCount } = sent.reading;
  return { id, verdict, httpStatus: sent.httpStatus, providerCount, spent };
}

/** The circumstances of one item in one call. */
export function circumstances(call: JudgedCall, item: { readonly requestId: string }, about: About): Circumstances {
  const shut = (gate: Gate) => gate.reason !== null;
  return {
    nowMs: about.nowMs,
    attemptsMax: about.settings.retryMaxAttempts,
    alone: call.distinct === 1,
    free: call.probe || call.givenBack || shut(call.gateBefore) || shut(call.gateAfter),
    cancelled: about.cancelled.has(item.requestId),
  };
}

/** The change of a selector whose pass revealed IDs: only now is it known whether the pass told anything new. */
export function selectorChange(call: JudgedCall, selector: RecordedItem, revealed: Revealed, about: About): ItemChange {
  const reading = call.sent?.reading;
  const answers = reading?.verdict === 'answered' ? reading.answers : new Map<string, Answer>();
  const pass = reading?.verdict === 'answered' ? reading.pass : null;
  const happening = { ...passOf(pass, answers), ...revealed.happening };
  const next = advance(
    { ...historyOf(selector), matched: revealed.matched, erasedSeen: selector.erasedSeen || revealed.erasedBefore },
    happening,
    circumstances(call, selector, about),
  );
  const { requestId, id } = selector;
  const { attemptId } = call;
  return {
    requestId,
    id,
    next,
    delayMs: delaysOf(call, about)(next),
    suspectId: null,
    attemptId,
    carried: true,
    spokenOf: true,
  };
}

function happeningOf(call: JudgedCall, item: RecordedItem, carried: CarriedItem | undefined): Happening {
  if (call.sent === null) return { kind: 'interrupted' };
  if (!call.sent.left) return { kind: 'blocked', effect: 'none' };
  const { reading } = call.sent;
  switch (reading.verdict) {
    case 'answered': {
      if (item.kind === 'selector') return passOf(reading.pass, reading.answers);
      const answer = carried?.externalId === null ? undefined : reading.answers.get(carried?.externalId ?? '');
      return { kind: 'answer', answer: answer ?? { said: 'unclear', text: null, providerId: null } };
    }
    case 'refused':
      return { kind: 'refused' };
    case 'unclear':
      return { kind: 'unclear', effect: reading.effect, silent: reading.silent };
    case 'blocked':
      return { kind: 'blocked', effect: reading.effect };
  }
}

/** A selector's pass, before what it revealed is compared with earlier passes (record-discovered does that). */
function passOf(
  pass: Extract<Happening, { kind: 'pass' }>['pass'] | null,
  answers: ReadonlyMap<string, Answer>,
): Extract<Happening, { kind: 'pass' }> {
  const said = [...answers.values()].map((answer) => answer.said);
  return {
    kind: 'pass',
    pass: pass ?? { clear: false, nothing: false, count: null },
    erased: said.includes('erased') || (pass?.count ?? 0) > 0,
    open: said.includes('later') || said.includes('unclear'),
    exhausted: false,
  };
}

/** When items with such a `next` may go again: one throw of the dice a call, so that what failed together comes back together. */
export function delaysOf(call: JudgedCall, about: About): (next: Next) => number {
  const random = Math.random();
  const reading = call.sent?.reading;
  const askedMs = reading?.verdict === 'unclear' ? (reading.retryAfterMs ?? 0) : 0;
  return (next) => {
    const later = next.again === 'backoff' || next.again === 'together' || next.again === 'split_backoff';
    if (next.outcome !== 'pending' || !later) return 0;
    return Math.max(backoffMs(next.backoff, about.settings.retryBaseMs, random), askedMs);
  };
}

/** A call that our own sender held back is not tried again in the same breath. */
const HELD_BACK_MS = 1000;

interface Moved {
  readonly item: RecordedItem;
  readonly next: Next;
}

/** Who goes out with whom next, and when: the ones of a company at one time, the latest of theirs. */
interface Company {
  readonly suspectId: string | null;
  readonly delayMs: number;
}

/**
 * Halves after a refusal, the same again after a first silence. A call that said nothing about its items (a 429, one
 * held back or interrupted) leaves their company as it was, or a search for the guilty ID would begin anew.
 */
function companiesOf(
  moved: readonly Moved[],
  delays: (next: Next) => number,
  heldBack: boolean,
): ReadonlyMap<string, Company> {
  const waiting = moved.filter(({ next }) => next.outcome === 'pending');
  const says = (...ways: readonly Again[]) =>
    waiting.some(({ next }) => next.again !== null && ways.includes(next.again));
  const byDigest = waiting.map((one) => ({ ...one, digest: one.item.digest }));
  const together = says('split', 'split_backoff') ? halves(byDigest) : says('together') ? [byDigest] : [];
  if (together.length === 0) {
    return new Map(
      waiting.map(({ item, next }) => {
        const suspectId = next.again === 'now' ? item.suspectId : null;
        return [keyOf(item), { suspectId, delayMs: heldBack ? HELD_BACK_MS : delays(next) }];
      }),
    );
  }
  return new Map(
    together.flatMap((company) => {
      const suspectId = randomUUID();
      const delayMs = Math.max(...company.map(({ next }) => delays(next)));
      return company.map(({ item }) => [keyOf(item), { suspectId, delayMs }] as const);
    }),
  );
}
