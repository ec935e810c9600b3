/** Good runs on a machine that is slow, or in which the same ID is asked for twice at once: no call of them was needless. */
import type { AttemptRow, Evidence, ItemRow } from './evidence.js';
import { goodLedger } from './good-ledger.js';
import { goodRun, REPEATED_ITEM } from './good-run.js';
import { GOOD_STORY } from './good-story.js';

const SECOND_MS = 1000;

/** The repeated item's first call was never sent, since its lease was in doubt; that it was not is written late. */
export function heldBackLate(): Evidence {
  const run = goodRun();
  const story = GOOD_STORY.map((event) =>
    event.data['verdict'] === 'interrupted' ? { ...event, data: { ...event.data, effect: 'none' } } : event,
  );
  return {
    ...run,
    disturbed: [],
    items: withItem(run, { attempts: 1 }),
    attempts: withAttempt(run, 'attempt-2', (one) => ({ endedMs: one.startedMs + 3.4 * SECOND_MS })),
    calls: run.calls.filter(({ seq }) => seq !== 2),
    ledger: goodLedger(story, 4, run.attempts[0]?.startedMs ?? 0),
  };
}

/** The first call was made, and its answer came so many milliseconds after its attempt was on record: unread, it timed out. */
export function answeredAfter(ms: number): Evidence {
  const run = goodRun();
  return {
    ...run,
    disturbed: [],
    attempts: withAttempt(run, 'attempt-2', (one) => ({
      verdict: 'unclear',
      endedMs: one.startedMs + 2.5 * SECOND_MS,
    })),
    calls: run.calls.map((one) => {
      const attempt = run.attempts.find(({ id }) => id === 'attempt-2');
      return one.seq === 2 && attempt ? { ...one, endedAtMs: attempt.startedMs + ms } : one;
    }),
  };
}

/** At the kill further calls had been held back, so many milliseconds after they stood on record, and nobody had written it. */
export function heldBackUnwritten(ms: number): Evidence {
  const run = goodRun();
  const lost = run.attempts.filter(({ id }) => id === 'attempt-2');
  const [kill] = run.disturbed;
  const startedMs = (kill?.fromMs ?? 0) - ms;
  const more = [4, 5, 6, 7].flatMap((no) =>
    lost.map((one) => ({ ...one, id: `attempt-${no}`, itemIds: [], startedMs, endedMs: startedMs + 5 * SECOND_MS })),
  );
  return { ...run, attempts: [...run.attempts, ...more] };
}

/** As many calls as may be under way are lost at one kill, and one that was begun after it at the next, so many milliseconds later. */
export function killedAgainAfter(ms: number): Evidence {
  const run = goodRun();
  const lost = run.attempts.filter(({ id }) => id === 'attempt-2');
  const [kill] = run.disturbed;
  if (!kill) throw new Error('the good run is another');
  const more = [4, 5, 6, 7].flatMap((no) =>
    lost.map((one) => {
      const startedMs = no === 7 ? kill.toMs + ms - 10 : one.startedMs;
      return { ...one, id: `attempt-${no}`, itemIds: [], startedMs, endedMs: startedMs + 5 * SECOND_MS };
    }),
  );
  const again = { ...kill, what: 'kill -9 of another', fromMs: kill.toMs + ms, toMs: kill.toMs + ms };
  return { ...run, disturbed: [...run.disturbed, again], attempts: [...run.attempts, ...more] };
}

/** Another request asks for the same ID at the same time, and its good call crosses the one that is cut off. */
export function sameIdAtOnce(): Evidence {
  const run = goodRun();
  const cut = run.attempts.find(({ id }) => id === 'attempt-2');
  const call = run.calls.find(({ seq }) => seq === 2);
  const item = run.items.find(({ id }) => id === REPEATED_ITEM);
  if (!cut || !call || !item) throw new Error('the good run is another');
  const startedMs = cut.startedMs + 5;
  const twin: AttemptRow = {
    ...cut,
    id: 'attempt-4',
    verdict: 'answered',
    httpStatus: 200,
    itemIds: ['item-4'],
    startedMs,
  };
  return {
    ...run,
    disturbed: [],
    items: [...run.items, { ...item, id: 'item-4', requestId: 'request-3', attempts: 1, proofId: 'attempt-4' }],
    attempts: [
      ...withAttempt(run, 'attempt-2', (one) => ({ verdict: 'unclear', endedMs: one.startedMs + 300 })),
      { ...twin, endedMs: startedMs + 200 },
    ],
    calls: [
      { ...call, faults: ['reset'], status: null, endedAtMs: call.atMs + 280 },
      { ...call, seq: 4, atMs: call.atMs + 10, endedAtMs: call.atMs + 150 },
      ...run.calls.filter(({ seq }) => seq !== 2),
    ].toSorted((a, b) => a.atMs - b.atMs),
  };
}

function withItem({ items }: Evidence, change: Partial<ItemRow>): ItemRow[] {
  return items.map((item) => (item.id === REPEATED_ITEM ? { ...item, ...change } : item));
}

function withAttempt(
  { attempts }: Evidence,
  id: string,
  change: (one: AttemptRow) => Partial<AttemptRow>,
): AttemptRow[] {
  return attempts.map((one) => (one.id === id ? { ...one, ...change(one) } : one));
}
