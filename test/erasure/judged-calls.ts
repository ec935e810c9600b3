/** Finished calls as the record judges them, without a database. */
import type { Answer, Reading } from '../../src/core/answer.js';
import { OPEN_GATE } from '../../src/core/gate.js';
import { FRESH } from '../../src/core/history.js';
import type { About, CarriedItem, JudgedCall } from '../../src/erasure/finished-call.js';
import type { RecordedItem } from '../../src/store/attempts.js';
import { newId } from '../../src/store/identifiers.js';
import { SETTINGS } from './real-workplace.js';

export const NOW_MS = Date.UTC(2026, 10, 2, 9);
export const ABOUT: About = { nowMs: NOW_MS, settings: SETTINGS, cancelled: new Set() };
export const WORDLESS = { text: null, providerId: null } as const;
const remarks = { providerStatus: null, providerMessage: null, providerCount: null, anomalies: [] };

export const REFUSED: Reading = { ...remarks, verdict: 'refused' };
export const UNCLEAR: Reading = { ...remarks, verdict: 'unclear', silent: true, effect: 'unknown', retryAfterMs: null };
export const LATER: Answer = { said: 'later', ...WORDLESS };
export const ABSENT: Answer = { said: 'absent', ...WORDLESS };
export function answered(answers: Readonly<Record<string, Answer>>): Reading {
  return { ...remarks, verdict: 'answered', answers: new Map(Object.entries(answers)), pass: null };
}

export interface Asked extends Partial<RecordedItem> {
  readonly externalId: string;
}

/** A call that carried these items and came back with this reading. */
export function judged(asked: readonly Asked[], reading: Reading | null, over: Partial<JudgedCall> = {}): JudgedCall {
  const batchId = newId();
  const both = asked.map(({ externalId, ...known }) => {
    const [requestId, id] = [known.requestId ?? newId(), newId()];
    const history: RecordedItem = {
      batchId,
      requestId,
      id,
      kind: 'id',
      digest: `digest of ${externalId}`,
      block: 1,
      slot: 0,
      ordered: false,
      outcome: 'pending',
      suspectId: null,
      ...FRESH,
      ...known,
    };
    const { kind, digest } = history;
    const carried: CarriedItem = { batchId, requestId, id, kind, digest, block: 1, slot: 0, scope: {}, externalId };
    return { history, carried };
  });
  return {
    attemptId: newId(),
    batchId,
    epoch: 2,
    system: 'velt.documents',
    provider: 'velt',
    probe: false,
    selects: false,
    items: both.map(({ carried }) => carried),
    commitments: new Map(),
    distinct: new Set(asked.map(({ externalId }) => externalId)).size,
    sent: reading === null ? null : { reading, httpStatus: 200, sha256: null, left: true },
    histories: both.map(({ history }) => history),
    gateBefore: OPEN_GATE,
    gateAfter: OPEN_GATE,
    givenBack: false,
    ...over,
  };
}
