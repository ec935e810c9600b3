/** The named places of rows 2 and 3, in the compiled service: where each stands, and what is killed there. */
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
    before: 'const sent = await this.send(system',
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
  { name: 'before commit', file: 'erasure/submit-request.js', before: 'return answer;' },
  {
    name: 'after commit, before reply',
    file: 'erasure/submit-request.js',
    before: 'workplace.doorbell.ring([...new Set(submission.targets',
  },
  { name: 'after reply, before doorbell', file: 'queue/queue.module.js', before: 'this.queues.ringDispatch().catch(' },
];

export const WORKER_FAILPOINTS: readonly string[] = [...OF_WORKERS.map(({ name }) => name), AFTER_SEND];
export const API_FAILPOINTS: readonly string[] = OF_APIS.map(({ name }) => name);

/** What kills a process at that place, the nth time that it comes there. */
export function dieAt(name: string, hit: number): Disturbance {
  const failpoint = { name, hit };
  if (name === AFTER_SEND) return { failpoint };
  const place = [...OF_WORKERS, ...OF_APIS].find((one) => one.name === name);
  if (!place) throw new Error(`there is no failpoint ${name}`);
  const replace = `globalThis.reachedFailpoint(${JSON.stringify(name)}); ${place.before}`;
  return { failpoint, rewrites: [{ file: place.file, find: place.before, replace }] };
}
