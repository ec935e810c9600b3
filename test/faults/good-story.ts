/** What the ledger is told of the good run: two requests, one of them called twice since its first call was lost. */
import type { JsonObject } from '../../src/core/json.js';
import { hashOfLeaf, rootOver } from './signed-tree.js';
import type { Happened } from './good-ledger.js';

export const GOOD_STORY: readonly Happened[] = [
  received('request-1', ['item-1', 'item-2'], '1'),
  received('request-2', ['item-3'], '2'),
  call('request-1', 'attempt-1', '11', { verdict: 'answered', effect: null, asked: 2, named: 2 }, [
    said('erased', ['item-1'], 'erased', 'provider'),
    said('absent', ['item-2'], 'already_absent', 'provider'),
  ]),
  settled('request-1', { erased: 1, already_absent: 1 }, '11'),
  call('request-2', 'attempt-2', '12', { verdict: 'interrupted', effect: 'unknown', asked: 1, named: 0 }, [
    said(null, ['item-3'], 'pending', null),
  ]),
  call('request-2', 'attempt-3', '13', { verdict: 'answered', effect: null, asked: 1, named: 1 }, [
    said('absent', ['item-3'], 'erased', 'repeat'),
  ]),
  settled('request-2', { erased: 1 }, '13'),
  { stream: 'request-1', type: 'exported', data: { kind: 'evidence', disclosed: false }, tx: '21' },
  { stream: 'request-2', type: 'exported', data: { kind: 'evidence', disclosed: false }, tx: '22' },
];

function commitmentOf(item: string): string {
  return hashOfLeaf(`a commitment to ${item}`);
}

function received(stream: string, items: readonly string[], tx: string): Happened {
  const leaves = items.map((item) => hashOfLeaf(`${item} ${commitmentOf(item)}`));
  const about = { source: 'api', subject: commitmentOf('subject'), note: null };
  return { stream, type: 'received', data: { ...about, items: { count: items.length, root: rootOver(leaves) } }, tx };
}

function call(
  stream: string,
  attempt: string,
  tx: string,
  facts: JsonObject,
  results: readonly JsonObject[],
): Happened {
  return { stream, type: 'call', data: { attempt, counted: null, late: false, response: null, ...facts, results }, tx };
}

function said(answer: string | null, items: readonly string[], outcome: string, evidence: string | null): JsonObject {
  const lines = items.map((item) => [item, commitmentOf(item)]);
  return { answer, outcome, evidence, reason: null, selector: null, pass: null, items: lines };
}

function settled(stream: string, counts: JsonObject, tx: string): Happened {
  return { stream, type: 'settled', data: { status: 'completed', counts }, tx };
}
