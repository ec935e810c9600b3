/** Histories, happenings and circumstances of items, drawn from everything that their types allow. */
import fc from 'fast-check';
import type { Answer, SelectorPass } from '../../src/core/answer.js';
import type { Circumstances, Happening } from '../../src/core/item.js';
import type { History } from '../../src/core/history.js';

export const NOW_MS = Date.UTC(2026, 10, 2, 9);
export const DAY_MS = 24 * 60 * 60 * 1000;

/** A first call, with company, through an open gate. */
export const ABOUT: Circumstances = {
  nowMs: NOW_MS,
  attemptsMax: 8,
  alone: false,
  free: false,
  cancelled: false,
};

export const WORDLESS = { text: null, providerId: null } as const;

export const ERASED: Answer = { said: 'erased', evidence: 'provider', ...WORDLESS };
export const ABSENT: Answer = { said: 'absent', ...WORDLESS };
export const LATER: Answer = { said: 'later', ...WORDLESS };
export const UNCLEAR: Answer = { said: 'unclear', ...WORDLESS };

const answers: fc.Arbitrary<Answer> = fc.oneof(
  fc.constantFrom('provider', 'reconciled').map((evidence): Answer => ({ said: 'erased', evidence, ...WORDLESS })),
  fc.constantFrom(ABSENT, LATER, UNCLEAR),
  fc.constantFrom('denied', 'rejected', 'contract').map((reason): Answer => ({ said: 'refused', reason, ...WORDLESS })),
);

const effects = fc.constantFrom('none', 'unknown');

export type Pass = Extract<Happening, { kind: 'pass' }>;

/** Passes that an adapter can report: one that reported nothing neither erased, nor left open, nor repeats refusals. */
export const passes: fc.Arbitrary<Pass> = fc
  .record({
    clear: fc.boolean(),
    nothing: fc.boolean(),
    count: fc.option(fc.integer({ min: 0, max: 9 })),
    erased: fc.boolean(),
    open: fc.boolean(),
    exhausted: fc.boolean(),
  })
  .map(({ clear, nothing, count, erased, open, exhausted }): Pass => {
    const pass: SelectorPass = { clear, nothing, count: nothing && count !== null ? 0 : count };
    return nothing
      ? { kind: 'pass', pass, erased: false, open: false, exhausted: false }
      : { kind: 'pass', pass, erased: erased || (count ?? 0) > 0, open, exhausted: exhausted && !erased && !open };
  });

/** What a call can be for an item that stands for one ID. */
export const callsOfIds: fc.Arbitrary<Happening> = fc.oneof(
  answers.map((answer): Happening => ({ kind: 'answer', answer })),
  fc.constant<Happening>({ kind: 'refused' }),
  fc.tuple(effects, fc.boolean()).map(([effect, silent]): Happening => ({ kind: 'unclear', effect, silent })),
  effects.map((effect): Happening => ({ kind: 'blocked', effect })),
  fc.constant<Happening>({ kind: 'interrupted' }),
);

/** What a call can be for a selector. */
const callsOfSelectors: fc.Arbitrary<Happening> = fc.oneof(
  { arbitrary: passes, weight: 3 },
  {
    arbitrary: callsOfIds.filter((happening) => happening.kind !== 'answer'),
    weight: 2,
  },
);

export const calls: fc.Arbitrary<Happening> = fc.oneof(callsOfIds, callsOfSelectors);

export const histories: fc.Arbitrary<History> = fc.record({
  spent: fc.nat(9),
  strikes: fc.nat(3),
  backoff: fc.nat(40),
  passes: fc.nat(4),
  unknownEffect: fc.boolean(),
  erasedSeen: fc.boolean(),
  matched: fc.option(fc.nat(1000)),
  unclearSinceMs: fc.option(fc.integer({ min: NOW_MS - 20 * DAY_MS, max: NOW_MS })),
});

export const circumstances: fc.Arbitrary<Circumstances> = fc.record({
  nowMs: fc.constant(NOW_MS),
  attemptsMax: fc.integer({ min: 1, max: 9 }),
  alone: fc.boolean(),
  free: fc.boolean(),
  cancelled: fc.boolean(),
});

/** Whether a call may have deleted what it carried without its answer saying that it did not. */
export function hasUnknownEffect(happening: Happening): boolean {
  switch (happening.kind) {
    case 'answer':
      return happening.answer.said === 'unclear';
    case 'pass':
      return !happening.pass.clear;
    case 'refused':
      return false;
    case 'unclear':
    case 'blocked':
      return happening.effect === 'unknown';
    case 'interrupted':
      return true;
  }
}
