/** The evidence of a small run in which everything held: two requests, one kill, one call that was lost and made again. */
import type { SandboxCall } from '../../src/sandbox/ledger.js';
import type { AttemptRow, Evidence, ItemRow } from './evidence.js';
import { GOOD_EXPORTS } from './good-exports.js';
import { goodLedger } from './good-ledger.js';
import { GOOD_STORY } from './good-story.js';

const T = 1_800_000_000_000;
/** Events that were sealed before the others happened. */
const SEALED_EARLY = 4;
const LEDGER = goodLedger(GOOD_STORY, SEALED_EARLY, T);

export const GONE_ITEM = 'item-1';
export const ABSENT_ITEM = 'item-2';
export const REPEATED_ITEM = 'item-3';

/** A new one each time: whoever spoils it spoils only theirs. */
export function goodRun(): Evidence {
  const first = answer('request-1');
  const second = answer('request-2');
  return {
    timings: { timeoutMs: 2000, marginMs: 1500 },
    limits: { concurrency: 4, callsPerMinute: 60 },
    disturbed: [{ what: 'kill -9 of worker 2', fromMs: T + 2050, toMs: T + 2060, losesCalls: true, kill: true }],
    steeredByHand: new Set(),
    submitted: [
      {
        key: 'key-1',
        body: { targets: [{ system: 'supermemory.documents', ids: ['m1', 'm2'] }] },
        accepted: [first, first],
        committed: true,
        refusals: [],
        otherBody: 422,
      },
      {
        key: 'key-2',
        body: { targets: [{ system: 'velt.documents', organizationId: 'org0', documentIds: ['d1'] }] },
        accepted: [second],
        committed: true,
        refusals: [],
        otherBody: 422,
      },
    ],
    requests: [request('request-1', { erased: 1, already_absent: 1 }), request('request-2', { erased: 1 })],
    items: [
      item('request-1', GONE_ITEM, 'supermemory.documents', 'm1', { outcome: 'erased', proofId: 'attempt-1' }),
      item('request-1', ABSENT_ITEM, 'supermemory.documents', 'm2', {
        outcome: 'already_absent',
        proofId: 'attempt-1',
      }),
      item('request-2', REPEATED_ITEM, 'velt.documents', 'd1', {
        outcome: 'erased',
        evidence: 'repeat',
        proofId: 'attempt-3',
        attempts: 2,
      }),
    ],
    attempts: [
      attempt('attempt-1', 'supermemory.documents', T + 1000, 150, 'answered', [GONE_ITEM, ABSENT_ITEM]),
      attempt('attempt-2', 'velt.documents', T + 2000, 5000, 'interrupted', [REPEATED_ITEM]),
      attempt('attempt-3', 'velt.documents', T + 7200, 150, 'answered', [REPEATED_ITEM]),
    ],
    history: {
      outcomes: [
        change(GONE_ITEM, 'erased', 'attempt-1', '11'),
        change(ABSENT_ITEM, 'already_absent', 'attempt-1', '11'),
        change(REPEATED_ITEM, 'erased', 'attempt-3', '13'),
      ],
      ends: [
        { attemptId: 'attempt-1', verdict: 'answered', epoch: 2, liveEpoch: 2, tx: '11' },
        { attemptId: 'attempt-2', verdict: 'interrupted', epoch: 2, liveEpoch: 2, tx: '12' },
        { attemptId: 'attempt-3', verdict: 'answered', epoch: 2, liveEpoch: 2, tx: '13' },
      ],
      begins: ['attempt-1', 'attempt-2', 'attempt-3'],
      settlings: [
        { requestId: 'request-1', before: null, after: T + 1150, tx: '11' },
        { requestId: 'request-2', before: null, after: T + 7350, tx: '13' },
      ],
      receipts: [
        { requestId: 'request-1', tx: '1' },
        { requestId: 'request-2', tx: '2' },
      ],
      gates: [],
    },
    ledger: { ...LEDGER, exports: GOOD_EXPORTS },
    idempotencyKeys: 2,
    calls: [
      call(
        1,
        T + 1010,
        'supermemory.documents',
        ['m1', 'm2'],
        { ids: ['m1', 'm2'] },
        { deleted: ['m1'], absent: ['m2'] },
      ),
      call(2, T + 2010, 'velt.documents', ['d1'], velt(['d1']), { deleted: ['d1'] }),
      call(3, T + 7210, 'velt.documents', ['d1'], velt(['d1']), { absent: ['d1'] }),
    ],
    maxInFlight: { velt: 1, supermemory: 1 },
    maxPerMinute: { velt: 2, supermemory: 1 },
    quietMs: 900,
    processes: [
      { name: 'api 1', works: false, readyMs: T, endMs: T + 9900, code: 0, signal: null, expected: true, log: [] },
      {
        name: 'worker 2',
        works: true,
        readyMs: T,
        endMs: T + 2055,
        code: null,
        signal: 'SIGKILL',
        expected: true,
        log: [],
      },
      { name: 'worker 3', works: true, readyMs: T, endMs: T + 9900, code: 0, signal: null, expected: true, log: [] },
    ],
    connectionsLeft: 0,
    looks: [
      { requestId: 'request-1', settled: 0 },
      { requestId: 'request-1', settled: 2 },
    ],
  };
}

function answer(id: string): string {
  return JSON.stringify({ id, status: 'queued' });
}

function velt(documentIds: readonly string[]): object {
  return { data: { organizationId: 'org0', documentIds } };
}

function request(id: string, counts: Readonly<Record<string, number>>): Evidence['requests'][number] {
  return { id, status: 'completed', settledMs: T + 9000, counts: { pending: 0, failed: 0, ...counts } };
}

function item(
  requestId: string,
  id: string,
  system: string,
  externalId: string,
  given: Partial<ItemRow> & Pick<ItemRow, 'outcome'>,
): ItemRow {
  const settled = { evidence: 'provider', attempts: 1, proofId: null, settledMs: T + 9000, dueMs: T, held: false };
  return { requestId, id, system, externalId, shown: given.outcome, ...settled, ...given };
}

function attempt(
  id: string,
  system: string,
  startedMs: number,
  tookMs: number,
  verdict: string,
  itemIds: readonly string[],
): AttemptRow {
  const provider = system.split('.')[0] ?? '';
  const about = { batchId: `batch of ${id}`, epoch: 2, late: false, httpStatus: verdict === 'answered' ? 200 : null };
  return { id, system, provider, startedMs, endedMs: startedMs + tookMs, verdict, itemIds, ...about };
}

function change(itemId: string, after: string, proofId: string, tx: string): Evidence['history']['outcomes'][number] {
  return { itemId, before: 'pending', after, proofId, tx, atMs: T };
}

function call(
  seq: number,
  atMs: number,
  system: 'velt.documents' | 'supermemory.documents',
  ids: readonly string[],
  body: object,
  answers: SandboxCall['answers'],
): SandboxCall {
  const deleted = answers.deleted === undefined ? [] : [{ system, scope: {}, ids: answers.deleted, cascade: false }];
  const route = {
    method: 'POST',
    path: '/deletions',
    inFlight: 1,
    status: 200,
    delivered: true,
    endedAtMs: atMs + 100,
  };
  return { seq, atMs, system, body, ids, answers, deleted, faults: [], widened: false, leak: false, ...route };
}
