/** The named places of rows 2, 3, 35 and 36, in the compiled service: where each stands, and what is killed there. */
import { AFTER_SEND } from './preload/disturbance.js';
import type { Disturbance } from './preload/disturbance.js';

interface Place {
  readonly name: string;
  readonly file: string;
  /** The statement before which the process dies. */
  readonly before: string;
}

const OF_WORKERS: readonly Place[] = [
  { name: 'before attempt row', file: 'erasure/start-batches.js', before: 'await beginAttempts(tx, ' },
  {
    name: 'after attempt row, before send',
    file: 'erasure/run-batch.js',
    before: 'const [sent, commitments] = await Promise.all([',
  },
  {
    name: 'after answer, before outcome transaction',
    file: 'erasure/run-batch.js',
    before: 'slots.ended.add(ref.id);',
  },
  { name: 'before COMMIT', file: 'erasure/record-answers.js', before: 'return [...histories].some(' },
  { name: 'after COMMIT, before ack', file: 'erasure/record-answers.js', before: 'const systems = new Set(calls.map(' },
];

const OF_APIS: readonly Place[] = [
  { name: 'before commit', file: 'erasure/store-requests.js', before: 'return prepared.map((request) => {' },
  {
    name: 'after commit, before reply',
    file: 'erasure/submit-request.js',
    before: 'workplace.doorbell.ring(stored.systems);',
  },
  { name: 'after reply, before doorbell', file: 'queue/queue.module.js', before: 'this.queues.ringDispatch().catch(' },
];

const OF_SEALERS: readonly Place[] = [
  { name: 'before events get their places', file: 'ledger/seal.js', before: 'await placeEvents(tx, events, size);' },
  { name: 'before the tree grows', file: 'ledger/seal.js', before: 'await tree.saveTiles(tx, tiles.changed());' },
  { name: 'before the head is signed', file: 'ledger/seal.js', before: 'await tree.insertHead(tx, { ...grown,' },
  { name: 'head signed, before COMMIT', file: 'ledger/seal.js', before: 'return events.length;' },
  { name: 'sealed, after COMMIT', file: 'ledger/seal.js', before: 'this.watch.refused(null);' },
];

const OF_EXPORTS: readonly Place[] = [
  { name: 'in the middle of an export', file: 'erasure/export-period.js', before: 'rows += page.length;' },
];

export const SEALER_FAILPOINTS: readonly string[] = OF_SEALERS.map(({ name }) => name);
export const EXPORT_FAILPOINT = 'in the middle of an export';
export const WORKER_FAILPOINTS: readonly string[] = [...OF_WORKERS.map(({ name }) => name), AFTER_SEND];
export const API_FAILPOINTS: readonly string[] = OF_APIS.map(({ name }) => name);

/** What kills a process at that place, the nth time that it comes there. */
export function dieAt(name: string, hit: number): Disturbance {
  const failpoint = { name, hit };
  if (name === AFTER_SEND) return { failpoint };
  const place = [...OF_WORKERS, ...OF_APIS, ...OF_SEALERS, ...OF_EXPORTS].find((one) => one.name === name);
  if (!place) throw new Error(`there is no failpoint ${name}`);
  const replace = `globalThis.reachedFailpoint(${JSON.stringify(name)}); ${place.before}`;
  return { failpoint, rewrites: [{ file: place.file, find: place.before, replace }] };
}
