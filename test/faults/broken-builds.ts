/** The service with a bug put in, one for each invariant: what the checker is there to see. */
import type { Invariant } from './breach.js';
import type { Rewrite } from './preload/disturbance.js';

export interface BrokenBuild {
  readonly bug: string;
  readonly breaks: Invariant;
  readonly rewrites: readonly Rewrite[];
  /** Done to the database when all is quiet: what no bug of ours can do, since the database refuses it. */
  readonly tampering?: readonly string[];
}

const STORE = 'erasure/store-requests.js';

export const BROKEN_BUILDS: readonly BrokenBuild[] = [
  {
    bug: 'an ID is lost on its way in',
    breaks: 'I1',
    rewrites: [{ file: STORE, find: 'distinctAsks(known.targets)', replace: 'distinctAsks(known.targets).slice(1)' }],
  },
  {
    bug: 'an absent ID is called erased',
    breaks: 'I2',
    rewrites: [
      {
        file: 'core/item.js',
        find: "settled(history, 'already_absent', 'provider', null)",
        replace: "settled(history, 'erased', 'provider', null)",
      },
    ],
  },
  {
    bug: 'a final outcome is taken back',
    breaks: 'I3',
    rewrites: [],
    tampering: [
      'alter table item disable trigger item_stays_settled',
      "update item set outcome = 'unconfirmed', evidence = null, proof_id = null where outcome = 'erased'",
    ],
  },
  {
    bug: 'a count is not that of the items',
    breaks: 'I4',
    rewrites: [],
    tampering: ['update erasure_request set erased = erased + 1'],
  },
  {
    bug: 'an ID is sent in upper case',
    breaks: 'I5',
    rewrites: [
      {
        file: 'erasure/call-of-batch.js',
        find: 'externalId: value.externalId }',
        replace: 'externalId: value.externalId.toUpperCase() }',
      },
    ],
  },
  {
    bug: 'every call is made twice',
    breaks: 'I6',
    rewrites: [
      {
        file: 'erasure/run-batch.js',
        find: 'const [sent, commitments] = await Promise.all([',
        replace: 'await this.send(system, start.call, beganMs); const [sent, commitments] = await Promise.all([',
      },
    ],
  },
  {
    bug: 'an attempt stands under another epoch than its batch',
    breaks: 'I7',
    rewrites: [
      {
        file: 'erasure/start-batches.js',
        find: 'return { id, batchId, epoch, system: name,',
        replace: 'return { id, batchId, epoch: epoch - 1, system: name,',
      },
    ],
  },
  {
    bug: 'what came of a call is written, and its event is not',
    breaks: 'I8',
    rewrites: [
      {
        file: 'erasure/record-answers.js',
        find: '...lateEvents, ...callEvents, ...reopenedEvents(again)]',
        replace: '...lateEvents, ...reopenedEvents(again)]',
      },
    ],
  },
  {
    bug: 'a key is not taken',
    breaks: 'I9',
    rewrites: [
      {
        file: STORE,
        find: 'return { ...request, idempotency: key };',
        replace: 'return { ...request, idempotency: null };',
      },
    ],
  },
  {
    bug: 'nothing is ever handed out',
    breaks: 'I11',
    rewrites: [
      { file: 'erasure/dispatch-due.js', find: 'await giveUpExpired(workplace, system);', replace: 'return NOTHING;' },
    ],
  },
  {
    bug: 'the limit of calls at once is not kept',
    breaks: 'I13',
    rewrites: [
      { file: 'erasure/provider-slots.js', find: 'this.taken < this.slots', replace: 'this.taken < 3 * this.slots' },
      {
        file: 'erasure/start-batches.js',
        find: 'wanted.length > room',
        replace: 'wanted.length > Infinity',
      },
      { file: 'service.js', find: 'connections: concurrency', replace: 'connections: 3 * concurrency' },
    ],
  },
  {
    bug: 'a rejection is left to itself',
    breaks: 'I14',
    rewrites: [
      {
        file: 'erasure/run-batch.js',
        find: 'slots.ended.add(ref.id);',
        replace: "slots.ended.add(ref.id); void Promise.reject(new Error('left to itself'));",
      },
    ],
  },
  {
    bug: 'the 202 comes before the commit',
    breaks: 'I15',
    rewrites: [
      {
        file: 'erasure/intake.js',
        find: 'return await this.workplace.database.transaction(async (tx) => {',
        replace: `const early = (work) => new Promise((resolve, reject) => {
          this.workplace.database.transaction(async (tx) => {
            resolve(await work(tx));
            await new Promise((later) => setTimeout(later, 500));
          }).catch(reject);
        });
        return await early(async (tx) => {`,
      },
    ],
  },
];
