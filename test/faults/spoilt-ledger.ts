/** The ledger of a good run, spoilt in every way that I8 forbids. */
import { hash } from 'node:crypto';
import type { EventRow, Evidence, LedgerRecord } from './evidence.js';
import { wholeExport } from './good-exports.js';
import { headOf } from './good-ledger.js';
import { hashOfLeaf } from './signed-tree.js';

type Spoil = (run: Evidence) => Partial<Evidence>;

export const SPOILT_LEDGER: Readonly<Record<string, Spoil>> = {
  'an event is gone': ledger(({ events }) => ({ events: events.filter((_, no) => no !== 4) })),
  'a byte of an event was changed': ledger(({ events }) => ({
    events: events.map((event, no) => (no === 2 ? { ...event, body: event.body.replace('m', 'n') } : event)),
  })),
  'two events changed places': ledger(({ events }) => ({
    events: events.map((event, no) => (no === 4 || no === 5 ? { ...event, leafIndex: 9 - no } : event)),
  })),
  'the events of two requests were swapped': ledger(({ events }) => ({
    events: events.map((event) => ({ ...event, stream: event.stream === 'request-1' ? 'request-2' : 'request-1' })),
  })),
  'an event was left out of the tree': ledger(({ events }) => ({
    events: [...events, { ...first(events), stream: 'other', leafIndex: null }],
  })),
  'a chain was made anew without the key': ledger(({ events }) => ({ events: chainedAnew(events) })),
  'the log ends before a head that was given out': ledger(({ events, checkpoints }) => ({
    events: events.slice(0, 4),
    checkpoints: checkpoints.slice(0, 1),
  })),
  'a head of another root was given out for the same size': ledger(({ givenOut }) => ({
    givenOut: [...givenOut, headOf(4, (level, index) => hash('sha256', `${level} ${index}`, 'buffer')).note],
  })),
  'a head is not signed by the key': ledger(({ checkpoints }) => ({
    checkpoints: checkpoints.map((one) => ({ ...one, note: one.note.replace(/.{9}\n$/, 'AAAAAAAA=\n') })),
  })),
  'a head says something else than its row': ledger(({ checkpoints }) => ({
    checkpoints: checkpoints.map((one) => ({ ...one, root: hashOfLeaf('another') })),
  })),
  'events stand beyond the last head': ledger(({ checkpoints, givenOut }) => ({
    checkpoints: checkpoints.slice(0, 1),
    givenOut: givenOut.slice(0, 1),
  })),
  'changes and their events were committed apart': ledger(({ events }) => ({
    events: events.map((event) => ({ ...event, tx: '99' })),
  })),
  'an outcome has no event': ({ history }) => ({
    history: { ...history, outcomes: [...history.outcomes, ...history.outcomes.slice(0, 1)] },
  }),
  'an event tells of an outcome that never was': ({ history }) => ({
    history: { ...history, outcomes: history.outcomes.slice(1) },
  }),
  'a gate closed without an event': ({ history }) => ({
    history: { ...history, gates: [{ system: 'velt.documents', reason: 'rate', tx: '14' }] },
  }),
  'a call has no event': ({ history }) => ({
    history: { ...history, ends: [...history.ends, ...history.ends.slice(0, 1)] },
  }),
  'a request was received without an event': ({ history }) => ({
    history: { ...history, receipts: [...history.receipts, { requestId: 'request-3', tx: '3' }] },
  }),
  'the last settling counts otherwise': ({ requests }) => ({
    requests: requests.map((one) => ({ ...one, counts: { ...one.counts, erased: 3 } })),
  }),
  'evidence does not verify': ledger(({ bundles }) => ({
    bundles: bundles.map((one) => ({ ...one, text: one.text.replace('already_absent', 'erased') })),
  })),
  'evidence is of another log than a head that was kept': ledger(({ bundles, givenOut }) => ({
    bundles: bundles.map((one) => ({ ...one, text: one.text.replaceAll('a-good-run', 'another-run') })),
    givenOut,
  })),
  'no evidence is given out': ledger(() => ({ bundles: [] })),
  'an export was cut and passes for whole': ledger(({ exports }) => ({
    exports: exports.map((one) => ({ ...one, cut: true })),
  })),
  'a whole export has no last line': ledger(({ exports }) => ({
    exports: exports.map((one) => ({ ...one, cut: false })),
  })),
  'an export shows a part of a transaction': exported(['erased', 'pending', 'pending']),
  'an export has half a request': exported(['pending']),
  'an export has an item twice': exported(['erased', 'already_absent', 'erased', 'erased']),
};

function ledger(spoil: (ledger: LedgerRecord) => Partial<LedgerRecord>): Spoil {
  return (run) => ({ ledger: { ...run.ledger, ...spoil(run.ledger) } });
}

function exported(outcomes: readonly string[]): Spoil {
  return ledger(() => ({ exports: [wholeExport('ndjson', outcomes)] }));
}

function first(events: readonly EventRow[]): EventRow {
  const [event] = events;
  if (event === undefined) throw new Error('there is no event');
  const body = event.body.replace('"stream":"request-1"', '"stream":"other"');
  return { ...event, body, hash: hashOfLeaf(body) };
}

/** Whoever may write every row, but does not hold the key: one outcome is another, and every hash follows. */
function chainedAnew(events: readonly EventRow[]): EventRow[] {
  const last = new Map<string, string>();
  return events.map((event) => {
    const prev = last.get(event.stream);
    const changed = event.body.replace('"repeat"', '"provider"');
    const body = prev === undefined ? changed : changed.replace(/"prev":"[^"]*"/, `"prev":"${prev}"`);
    const made = { ...event, body, hash: hashOfLeaf(body) };
    last.set(event.stream, made.hash);
    return made;
  });
}
