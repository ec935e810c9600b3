/** The checker is itself checked: a good run passes, and one that breaks an invariant, in each way named, does not. */
import { describe, expect, it } from 'vitest';
import { INVARIANTS } from './breach.js';
import type { Invariant } from './breach.js';
import { check } from './checker.js';
import type { Evidence, ItemRow } from './evidence.js';
import { ABSENT_ITEM, GONE_ITEM, goodRun, REPEATED_ITEM } from './good-run.js';
import { measureRecovery } from './recovery.js';
import { SPOILT_LEDGER } from './spoilt-ledger.js';
import { answeredAfter, heldBackLate, heldBackUnwritten, killedAgainAfter, sameIdAtOnce } from './strained-runs.js';

type Spoil = (run: Evidence) => Partial<Evidence>;

const SPOILT: Readonly<Record<Invariant, Readonly<Record<string, Spoil>>>> = {
  I1: {
    'an accepted ID has no item': (run) => ({ items: run.items.filter(({ id }) => id !== ABSENT_ITEM) }),
    'an item is pending for ever': (run) => ({ items: changed(run, GONE_ITEM, { outcome: 'pending' }) }),
    'a request was never accepted': (run) => ({ submitted: run.submitted.map((one) => ({ ...one, accepted: [] })) }),
  },
  I2: {
    'gone is said of what is there': (run) => ({ items: changed(run, GONE_ITEM, { held: true }) }),
    'gone is said by a call that was lost': (run) => ({ items: changed(run, REPEATED_ITEM, { proofId: 'attempt-2' }) }),
    'absent is called erased': (run) => ({ items: changed(run, ABSENT_ITEM, { outcome: 'erased' }) }),
    'deleted by an own call is called already absent': (run) => ({
      items: changed(run, REPEATED_ITEM, { outcome: 'already_absent', evidence: 'provider' }),
    }),
    'no provider saw the call': (run) => ({ calls: run.calls.slice(1) }),
  },
  I3: {
    'a final outcome changed': ({ history }) => ({
      history: {
        ...history,
        outcomes: [
          ...history.outcomes,
          ...flips(GONE_ITEM, 'erased', 'pending'),
          ...flips(GONE_ITEM, 'pending', 'erased'),
        ],
      },
    }),
    'an outcome was written past the history': (run) => ({ items: changed(run, GONE_ITEM, { outcome: 'failed' }) }),
    'an attempt is gone': (run) => ({ attempts: run.attempts.filter(({ id }) => id !== 'attempt-2') }),
    'an attempt ended twice': ({ history }) => ({
      history: { ...history, ends: history.ends.flatMap((one) => [one, one]) },
    }),
    'GET shows another outcome': (run) => ({ items: changed(run, GONE_ITEM, { shown: 'pending' }) }),
  },
  I4: {
    'a count is wrong': (run) => ({
      requests: run.requests.map((one) => ({ ...one, counts: { ...one.counts, erased: 2 } })),
    }),
    'completed is said too early': (run) => ({
      items: changed(run, GONE_ITEM, { outcome: 'pending' }),
      requests: run.requests.map((one) => ({ ...one, settledMs: null })),
    }),
    'a request settled twice': ({ history }) => ({
      history: { ...history, settlings: history.settlings.flatMap((one) => [one, one]) },
    }),
  },
  I5: {
    'an ID differs by its case': (run) => ({
      calls: run.calls.map((one) => ({ ...one, ids: one.ids.map((id) => id.toUpperCase()) })),
    }),
    'an ID is named in another scope': (run) => ({
      calls: run.calls.map((one) => ({ ...one, body: { data: { organizationId: 'org1', documentIds: ['d1'] } } })),
    }),
    'a call names nothing': (run) => ({ calls: run.calls.map((one) => ({ ...one, ids: [] })) }),
    'a call left before its attempt was committed': (run) => ({
      calls: run.calls.map((one) => ({ ...one, atMs: one.atMs - 100 })),
    }),
    'a zombie sent after its lease': (run) => ({ calls: run.calls.map((one) => ({ ...one, atMs: one.atMs + 4000 })) }),
    'one attempt made two calls': (run) => ({ calls: run.calls.flatMap((one) => [one, one]) }),
  },
  I6: {
    'a call was repeated without need': () => ({ disturbed: [] }),
    'a call is on record as held back and was made': (run) => ({ ledger: heldBackLate().ledger, calls: run.calls }),
    'more calls were lost at a kill than may be under way': (run) => ({
      attempts: [
        ...run.attempts,
        ...[4, 5, 6, 7].flatMap((no) =>
          run.attempts
            .filter(({ id }) => id === 'attempt-2')
            .map((one) => ({ ...one, id: `attempt-${no}`, itemIds: [] })),
        ),
      ],
    }),
    'an item counts another number of calls': (run) => ({ items: changed(run, GONE_ITEM, { attempts: 2 }) }),
  },
  I7: {
    'an answer was written under an epoch that was over': ({ history }) => ({
      history: { ...history, ends: history.ends.map((one) => ({ ...one, liveEpoch: 3 })) },
    }),
    'an outcome was written apart from its attempt': ({ history }) => ({
      history: { ...history, outcomes: history.outcomes.map((one) => ({ ...one, tx: '99' })) },
    }),
  },
  I8: SPOILT_LEDGER,
  I9: {
    'a key made two requests': (run) => ({ requests: [...run.requests, ...run.requests.slice(0, 1)] }),
    'a replay differs by a byte': (run) => ({
      submitted: run.submitted.map((one) => ({
        ...one,
        accepted: one.accepted.map((text, no) => text + ' '.repeat(no)),
      })),
    }),
    'another body was accepted': (run) => ({ submitted: run.submitted.map((one) => ({ ...one, otherBody: 202 })) }),
  },
  I11: { 'it never became quiet': () => ({ quietMs: null }) },
  I13: {
    'too many calls at once': () => ({ maxInFlight: { velt: 5 } }),
    'too many calls in a minute': () => ({ maxPerMinute: { velt: 61 } }),
    'a 429 was not heeded': (run) => ({
      attempts: run.attempts.map((one) =>
        one.id === 'attempt-2' ? { ...one, verdict: 'blocked', httpStatus: 429, endedMs: one.startedMs + 100 } : one,
      ),
      calls: run.calls.map((one) => (one.seq === 2 ? { ...one, faults: ['429:30'] } : one)),
    }),
  },
  I14: {
    'a process ended by itself': (run) => ({ processes: run.processes.map((one) => ({ ...one, expected: false })) }),
    'a process stopped with an error': (run) => ({
      processes: run.processes.map((one) => ({ ...one, code: 1, signal: null })),
    }),
    'a rejection was seen by nobody': (run) => ({
      processes: run.processes.map((one) => ({
        ...one,
        log: ['{"msg":"a promise was rejected and nobody looked: stopping"}'],
      })),
    }),
    'connections were left': () => ({ connectionsLeft: 3 }),
  },
  I15: {
    'a 202 came before its commit': (run) => ({
      submitted: run.submitted.map((one) => ({ ...one, committed: false })),
    }),
    'GET showed what was taken back': (run) => ({ looks: run.looks.toReversed() }),
  },
};

describe('the checker', () => {
  it('finds nothing in a run in which everything held', () => {
    expect(check(goodRun())).toEqual([]);
    expect(measureRecovery(goodRun())).toEqual({ takenUpMs: [5150], disturbedAgainMs: [], late: [] });
  });

  it('is proved for every invariant that it knows', () => {
    expect(Object.keys(SPOILT).toSorted()).toEqual([...INVARIANTS].toSorted());
  });

  const cases = INVARIANTS.flatMap((invariant) =>
    Object.entries(SPOILT[invariant]).map(([what, spoil]) => ({ invariant, what, spoil })),
  );
  it.each(cases)('sees that $what ($invariant)', ({ invariant, spoil }) => {
    const run = goodRun();
    const breaches = check({ ...run, ...spoil(run) });
    expect(breaches.map((breach) => breach.invariant)).toContain(invariant);
  });

  it.each([
    ['was held back, and this written late', heldBackLate()],
    ['was answered when its time was over', answeredAfter(2100)],
    ['was held back, and its process killed before it could say so', heldBackUnwritten(1600)],
    ['was cut off while another of the same ID was answered', sameIdAtOnce()],
    ['was begun after one kill and lost at the next', killedAgainAfter(200)],
  ])('takes it as no needless repeat that a call %s', (_, run) => {
    expect(check(run).filter(({ invariant }) => invariant === 'I6')).toEqual([]);
  });

  it('counts as under way at a kill what might still have been sent', () => {
    expect(check(heldBackUnwritten(1400)).map(({ invariant }) => invariant)).toContain('I6');
  });

  it('takes it as a needless repeat that an answer was not read that came in time', () => {
    expect(check(answeredAfter(1900)).map(({ invariant }) => invariant)).toContain('I6');
  });

  it('sees an item that was taken up too late after a kill, and one that never was', () => {
    const run = goodRun();
    const late = run.attempts.map((one) =>
      one.id === 'attempt-3' ? { ...one, startedMs: one.startedMs + 20_000 } : one,
    );
    expect(measureRecovery({ ...run, attempts: late }).late).toHaveLength(1);
    const never = run.attempts.filter(({ id }) => id !== 'attempt-3');
    expect(measureRecovery({ ...run, attempts: never }).late).toEqual([
      `item ${REPEATED_ITEM} was never taken up again`,
    ]);
  });
});

function changed({ items }: Evidence, id: string, to: Partial<ItemRow>): ItemRow[] {
  return items.map((item) => (item.id === id ? { ...item, shown: to.outcome ?? item.shown, ...to } : item));
}

function flips(itemId: string, before: string, after: string): Evidence['history']['outcomes'] {
  return [{ itemId, before, after, proofId: null, tx: '11', atMs: 0 }];
}
