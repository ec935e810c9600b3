import type { ResultItem } from '../../src/demo/results.js';

let made = 0;

/** An erased ID of Supermemory, but for what the test is about. */
export function exampleItem(about: Partial<ResultItem> = {}): ResultItem {
  made += 1;
  return {
    id: `item-${made}`,
    system: 'supermemory.documents',
    kind: 'id',
    externalId: 'mem-1',
    scope: {},
    outcome: 'erased',
    evidence: 'provider',
    reason: null,
    matched: null,
    attempts: 1,
    providerId: null,
    providerMessage: null,
    selectorId: null,
    lastAttemptAt: '2026-11-02T09:00:01.000Z',
    settledAt: '2026-11-02T09:00:01.000Z',
    resource: {},
    ...about,
  };
}
