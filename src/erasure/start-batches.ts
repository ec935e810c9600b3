/**
 * From claimed batches to calls on record, all that come together in one transaction: the batch is re-read, what is no
 * longer pending dropped, the lease renewed, the attempt row committed. Only what it names is sent.
 */
import { groupBy } from '../core/grouping.js';
import { passage } from '../core/gate.js';
import { beginAttempts, readSendable, shareRequests } from '../store/attempts.js';
import type { SendableItem } from '../store/attempts.js';
import { countInFlight, endBatches, freeItems, takeBatches } from '../store/batches.js';
import type { BatchRef, TakenBatch } from '../store/batches.js';
import type { Transaction } from '../store/database.js';
import { putOff, readWaiting } from '../store/due-items.js';
import { readGates } from '../store/gates.js';
import type { GateRow } from '../store/gates.js';
import { newId } from '../store/identifiers.js';
import { addWarnings, warnShared } from '../store/warnings.js';
import type { Call } from '../systems/system.js';
import { blockedSystems } from './blocked-systems.js';
import { openItems, toCall } from './call-of-batch.js';
import type { CarriedItem } from './finished-call.js';
import type { ConfiguredSystem, Workplace } from './workplace.js';

export interface StartedCall {
  readonly kind: 'started';
  readonly batch: TakenBatch;
  readonly attemptId: string;
  readonly call: Call;
  readonly items: readonly CarriedItem[];
  /** Of the requests of its items, and maybe others. */
  readonly keys: ReadonlyMap<string, Buffer>;
  readonly distinct: number;
}
/** `gone`: no longer ours, or nothing left to send. `no_room`: the provider takes no more calls now; left as it was. */
export type Start = StartedCall | { readonly kind: 'gone' } | { readonly kind: 'no_room' };

/** The provider takes only so many of these calls now: everything is rolled back and done with fewer. */
class TooMany extends Error {
  constructor(readonly room: number) {
    super('the provider takes fewer calls now');
  }
}

/**
 * Starts batches of one system. `ended` are batches of this process whose call is over and whose record is not written
 * yet. Gives one result for each, in their order.
 */
export async function startBatches(
  workplace: Workplace,
  system: ConfiguredSystem,
  refs: readonly BatchRef[],
  ended: readonly string[],
): Promise<Start[]> {
  for (let wanted = refs.length; wanted > 0;) {
    const tried = refs.slice(0, wanted);
    try {
      const started = await workplace.database.transaction((tx) => start(tx, workplace, system, tried, ended));
      return refs.map((ref, index) => (index < wanted ? handedTo(ref, started) : { kind: 'no_room' }));
    } catch (error) {
      if (!(error instanceof TooMany)) throw error;
      wanted = error.room;
    }
  }
  return refs.map(() => ({ kind: 'no_room' }));
}

/** A started call goes to one ref alone, the one whose epoch was taken: a batch may have been rung more than once. */
function handedTo(ref: BatchRef, started: Map<string, StartedCall>): Start {
  const call = started.get(ref.id);
  if (!call || call.batch.epoch !== ref.epoch + 1) return { kind: 'gone' };
  started.delete(ref.id);
  return call;
}

async function start(
  tx: Transaction,
  workplace: Workplace,
  system: ConfiguredSystem,
  refs: readonly BatchRef[],
  ended: readonly string[],
): Promise<Map<string, StartedCall>> {
  const { settings, vault } = workplace;
  const refIds = refs.map((ref) => ref.id);
  const [taken, gates, , found] = await Promise.all([
    takeBatches(tx, refs, settings.providerTimeoutMs + settings.leaseMarginMs),
    readGates(tx),
    shareRequests(tx, refIds),
    readSendable(tx, refIds),
  ]);
  const passing = system.configured ? taken.filter((batch) => letsThrough(gates.get(batch.system), batch.probe)) : [];
  const ids = passing.map((batch) => batch.id);
  const pending = found.filter((item) => ids.includes(item.batchId));
  const [{ items: sendable, keys }, room] = await Promise.all([
    openItems(tx, vault, pending),
    // Late, so that the calls of a provider wait for each other as shortly as can be.
    pending.length === 0 ? 0 : roomAt(tx, workplace, system, [...taken.map((batch) => batch.id), ...ended]),
  ]);
  if (sendable.length < pending.length) await putOffClosed(tx, workplace, pending, sendable);
  if (pending.some((item) => item.shared)) await warnShared(tx, ids);
  const wanted = callsOf(passing, sendable, keys);
  if (wanted.length > 0 && wanted.length > room) throw new TooMany(Math.max(room, 0));
  const held = pending.some((item) => item.waits)
    ? await holdBack(tx, workplace, system.system.name, ids, gates)
    : NOBODY;
  const calls =
    held.size === 0
      ? wanted
      : callsOf(
          passing,
          sendable.filter((item) => !held.has(item.id)),
          keys,
        );
  const started = new Map(calls.map((call) => [call.batch.id, call]));
  const left = taken.filter((batch) => !started.has(batch.id)).map((batch) => batch.id);
  await endBatches(tx, left);
  if (calls.length === 0) return started;
  await beginAttempts(
    tx,
    calls.map(({ attemptId: id, batch, distinct, items: carried }) => {
      const { id: batchId, epoch, system: name, provider, probe } = batch;
      return { id, batchId, epoch, system: name, provider, probe, ids: distinct, items: carried };
    }),
  );
  return started;
}

const NOBODY: ReadonlySet<string> = new Set();

function callsOf(
  batches: readonly TakenBatch[],
  items: readonly CarriedItem[],
  keys: StartedCall['keys'],
): StartedCall[] {
  const byBatch = groupBy(items, (item) => item.batchId);
  return batches.flatMap((batch): StartedCall[] => {
    const carried = byBatch.get(batch.id);
    if (!carried) return [];
    const distinct = new Set(carried.map((item) => item.digest)).size;
    return [{ kind: 'started', batch, attemptId: newId(), call: toCall(carried), items: carried, keys, distinct }];
  });
}

/**
 * Looks at the order of deletion again: since these batches were handed out somebody may have asked for what goes before.
 * Gives the ids of the items that are put back.
 */
async function holdBack(
  tx: Transaction,
  workplace: Workplace,
  system: string,
  batchIds: readonly string[],
  gates: ReadonlyMap<string, GateRow>,
): Promise<ReadonlySet<string>> {
  const waiting = await readWaiting(tx, batchIds, blockedSystems(workplace, gates));
  const held = waiting.filter((item) => item.held);
  const early = waiting.filter((item) => !item.held);
  await addWarnings(
    tx,
    early.map(({ requestId }) => ({ requestId, code: 'document_before_comments', system })),
  );
  if (held.length > 0) await freeItems(tx, held);
  return new Set(held.map((item) => item.id));
}

async function putOffClosed(
  tx: Transaction,
  workplace: Workplace,
  pending: readonly SendableItem[],
  opened: readonly SendableItem[],
): Promise<void> {
  const open = new Set(opened.map((item) => item.id));
  const closed = pending.filter((item) => !open.has(item.id));
  workplace.log.error({ items: closed.length }, 'sealed values do not open: these items cannot be sent');
  await putOff(tx, closed);
}

/**
 * How many calls the provider takes now, over all its systems and all workers: calls at once, and calls in any minute.
 * Batches `apart` count as none. Nobody else of the provider counts until the transaction ends.
 */
async function roomAt(
  tx: Transaction,
  workplace: Workplace,
  { provider: { name, concurrency, callsPerMinute } }: ConfiguredSystem,
  apart: readonly string[],
): Promise<number> {
  const load = await countInFlight(tx, name, apart, callsPerMinute === null ? 0 : workplace.callWindowMs);
  return Math.min(concurrency - load.inFlight, callsPerMinute === null ? Infinity : callsPerMinute - load.recent);
}

/** A gate that closed since the batch was claimed sends it back; a probe is what a gate in doubt waits for. */
function letsThrough(row: GateRow | undefined, probe: boolean): boolean {
  if (!row || passage(row.gate, row.nowMs) === 'open') return true;
  return probe && (row.gate.reason === 'outage' || row.gate.reason === 'contract');
}
