/**
 * The state machine of one item: which outcomes there are, who moves an item from one to another, and what a call
 * makes of it. README, "Outcomes", says the same in words.
 */
import type { Answer, RefusalReason, SelectorPass } from './answer.js';
import { historyOf } from './history.js';
import type { History } from './history.js';

export const OUTCOMES = [
  'pending',
  'erased',
  'already_absent',
  'nothing_matched',
  'unconfirmed',
  'failed',
  'cancelled',
] as const;
export type Outcome = (typeof OUTCOMES)[number];
export type SettledOutcome = Exclude<Outcome, 'pending'>;
export type Evidence = 'provider' | 'reconciled' | 'repeat';
export type Kind = 'id' | 'selector' | 'discovered';

/** Which outcome may follow which, and by whose hand. `erased`, `already_absent`, `nothing_matched` and `cancelled` are final. */
export const TRANSITIONS = {
  pending: {
    erased: 'record-answers',
    already_absent: 'record-answers',
    nothing_matched: 'record-answers',
    unconfirmed: 'record-answers, cancel-request, dispatch-due (when it is worn, core/worn.ts)',
    failed: 'record-answers',
    cancelled: 'cancel-request, record-answers',
  },
  erased: {},
  already_absent: {},
  nothing_matched: {},
  unconfirmed: { pending: 'retry-items' },
  failed: {
    pending: 'retry-items, record-answers (when the gate closes after too many refusals in a row)',
    erased: 'record-answers (a discovered item that a later pass of its selector named again)',
    already_absent: 'record-answers (a discovered item that a later pass of its selector named again)',
  },
  cancelled: {},
} as const satisfies Record<Outcome, Partial<Record<Outcome, string>>>;

/** Outcomes that need the attempt that proves them. */
export const PROVEN: readonly Outcome[] = ['erased', 'already_absent', 'nothing_matched'];

/** An item whose calls stay unclear this long after the first rests as `unconfirmed`, attempts left or not. */
export const UNCLEAR_REST_MS = 14 * 24 * 60 * 60 * 1000;
/** How many clear passes a selector gets before a person must look. */
export const CLEAR_PASSES_MAX = 5;

/** What one call was for one item. */
export type Happening =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | {
      readonly kind: 'pass';
      readonly pass: SelectorPass;
      /** True when the pass reported an ID erased, or a tag's count above 0. */
      readonly erased: boolean;
      /** True when something the pass reported is neither done nor refused for good: it must be asked again. */
      readonly open: boolean;
      /** True when the pass reported nothing but IDs that an earlier pass already saw refused. */
      readonly exhausted: boolean;
    }
  | { readonly kind: 'refused' }
  /** `silent`: not a word of the provider's own, as in an outage. */
  | { readonly kind: 'unclear'; readonly effect: 'none' | 'unknown'; readonly silent: boolean }
  | { readonly kind: 'blocked'; readonly effect: 'none' | 'unknown' }
  | { readonly kind: 'interrupted' };

export interface Circumstances {
  readonly nowMs: number;
  readonly attemptsMax: number;
  /** The call carried this ID and no other. */
  readonly alone: boolean;
  /** The call probed a closed gate, or closed it: it spends nobody's attempts. */
  readonly free: boolean;
  /** The request was cancelled: nothing is sent again. */
  readonly cancelled: boolean;
}

/** When a pending item may be sent again. `split`: at once, in half the company. `together`: after back-off, in the same company. */
export type Again = 'now' | 'backoff' | 'split' | 'split_backoff' | 'together';

export interface Next extends History {
  readonly outcome: Outcome;
  readonly evidence: Evidence | null;
  readonly reason: RefusalReason | null;
  /** Null when settled. */
  readonly again: Again | null;
}

/**
 * What an item becomes after a call: pure and total. `history` is what was known before, `happening` what the call was
 * for this item. The result never says `erased`, `already_absent` or `nothing_matched` unless the provider's answer
 * about this very item says so.
 */
export function advance(history: History, happening: Happening, about: Circumstances): Next {
  const next = step(history, happening, about);
  if (next.outcome !== 'pending' || !about.cancelled) return next;
  // `cancelled` says that no call could have deleted anything; a pass that reported something erased did.
  return { ...next, outcome: next.unknownEffect || next.erasedSeen ? 'unconfirmed' : 'cancelled', again: null };
}

function step(history: History, happening: Happening, about: Circumstances): Next {
  switch (happening.kind) {
    case 'answer':
      return afterAnswer(history, happening.answer, about);
    case 'pass':
      return afterPass(history, happening, about);
    case 'refused':
      return about.alone
        ? settled(history, 'failed', null, 'rejected')
        : waiting({ ...history, unclearSinceMs: null }, { again: 'split', backoff: 0, strikes: 0 });
    case 'unclear':
      return afterUnclear(withEffect(history, happening.effect), happening.silent, about);
    case 'blocked':
      return waiting(withEffect(history, happening.effect), { again: 'now' });
    case 'interrupted': {
      // Our crash says nothing of an item: it never rests on it. One that crashes us each time must end: alone it spends.
      const after = unclearFrom(withEffect(history, 'unknown'), about);
      return orRests(waiting(about.alone ? spend(after, about) : after, { again: 'now' }), about);
    }
  }
}

function afterAnswer(history: History, answer: Answer, about: Circumstances): Next {
  switch (answer.said) {
    case 'erased':
      return settled(history, 'erased', answer.evidence, null);
    case 'absent':
      return history.unknownEffect
        ? settled(history, 'erased', 'repeat', null)
        : settled(history, 'already_absent', 'provider', null);
    case 'refused':
      return settled(history, 'failed', null, answer.reason);
    case 'later':
      return unsettled({ ...history, unclearSinceMs: null }, about);
    case 'unclear':
      return orRests(unsettled(unclearFrom(withEffect(history, 'unknown'), about), about), about);
  }
}

/** A selector is repeated until a clear pass reports nothing new. Clear passes spend no attempt. */
function afterPass(history: History, seen: Extract<Happening, { kind: 'pass' }>, about: Circumstances): Next {
  const matched = seen.pass.count === null ? history.matched : (history.matched ?? 0) + seen.pass.count;
  const known = { ...history, matched, erasedSeen: history.erasedSeen || seen.erased };
  if (!seen.pass.clear) return orRests(unsettled(unclearFrom(withEffect(known, 'unknown'), about), about), about);
  const passed = { ...known, passes: history.passes + 1, strikes: 0, unclearSinceMs: null };
  if (seen.pass.nothing || seen.exhausted) {
    if (passed.erasedSeen) return settled(passed, 'erased', 'provider', null);
    if (passed.unknownEffect) return settled(passed, 'erased', 'repeat', null);
    return settled(passed, 'nothing_matched', 'provider', null);
  }
  if (passed.passes >= CLEAR_PASSES_MAX) return settled(passed, 'unconfirmed', null, null);
  return seen.open
    ? waiting(passed, { again: 'backoff', backoff: history.backoff + 1 })
    : waiting(passed, { again: 'now', backoff: 0 });
}

/** The provider answered and left the item unsettled: that spends an attempt, in company or alone. */
function unsettled(history: History, about: Circumstances): Next {
  const after = spend(history, about);
  if (isWorn(after, about)) return settled(after, 'unconfirmed', null, null);
  return waiting({ ...after, strikes: 0 }, { again: 'backoff', backoff: history.backoff + 1 });
}

/**
 * No clear answer: alone it spends an attempt, though none rests on silence (worn.ts); in company it does not, and the
 * second time in a row the company is halved, probes included: a gate opens for an answer, and one bad ID must not keep
 * its company from getting one.
 */
function afterUnclear(before: History, silent: boolean, about: Circumstances): Next {
  const history = unclearFrom(before, about);
  const backoff = history.backoff + 1;
  if (!about.alone) {
    const again = history.strikes < 1 ? 'together' : 'split_backoff';
    const strikes = again === 'together' ? 1 : 0;
    return orRests(waiting(history, { again, strikes, backoff }), about);
  }
  const after = spend(history, about);
  if (!silent && isWorn(after, about)) return settled(after, 'unconfirmed', null, null);
  return orRests(waiting(after, { again: 'backoff', backoff }), about);
}

function spend(history: History, about: Circumstances): History {
  return about.free || isWorn(history, about) ? history : { ...history, spent: history.spent + 1 };
}

/** Tried as often as allowed; a call through a closed gate is no try. */
function isWorn(history: History, about: Circumstances): boolean {
  return !about.free && history.spent >= about.attemptsMax;
}

/** An item whose calls stayed unclear for so long rests, attempts left or not. */
function orRests(next: Next, about: Circumstances): Next {
  const rests = next.outcome === 'pending' && about.nowMs - (next.unclearSinceMs ?? about.nowMs) >= UNCLEAR_REST_MS;
  return rests ? settled(next, 'unconfirmed', null, null) : next;
}

function unclearFrom(history: History, about: Circumstances): History {
  return { ...history, unclearSinceMs: history.unclearSinceMs ?? about.nowMs };
}

function withEffect(history: History, effect: 'none' | 'unknown'): History {
  return effect === 'unknown' ? { ...history, unknownEffect: true } : history;
}

function settled(
  history: History,
  outcome: SettledOutcome,
  evidence: Evidence | null,
  reason: RefusalReason | null,
): Next {
  return Object.assign(historyOf(history), { outcome, evidence, reason, again: null });
}

function waiting(history: History, change: { again: Again; backoff?: number; strikes?: number }): Next {
  return { ...history, ...change, outcome: 'pending', evidence: null, reason: null };
}
