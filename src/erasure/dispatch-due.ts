/**
 * Finds everything that is due and hands it out: one transaction a system, under an advisory lock, on the database's
 * clock. It looks at Postgres alone, so nothing is lost whatever happened to the queue.
 */
import { passage } from '../core/gate.js';
import { planBatches } from '../core/plan.js';
import type { PlannedBatch } from '../core/plan.js';
import { claimBatches, lockSystem, readExpired, readLoad, ringAgain } from '../store/batches.js';
import type { BatchRef, Load } from '../store/batches.js';
import type { Transaction } from '../store/database.js';
import { nextDue, readDue, readForProbe } from '../store/due-items.js';
import type { Due } from '../store/due-items.js';
import { readGates } from '../store/gates.js';
import type { GateRow } from '../store/gates.js';
import { newId } from '../store/identifiers.js';
import { addWarnings } from '../store/warnings.js';
import { blockedSystems } from './blocked-systems.js';
import { recordAnswers } from './record-answers.js';
import { restWorn } from './rest-worn.js';
import type { ConfiguredSystem, Workplace } from './workplace.js';

/** Batches handed out for each call that may be under way: the next is at hand when one ends, and no more bind early. */
const HANDED_OUT_PER_CALL = 4;
/** A batch whose job was not taken up after so many rings is run by the dispatching process itself. */
const RINGS_MAX = 3;
const LEASE_LOOK_MIN_MS = 500;

export interface Dispatched {
  /** Batches to put into the queue of the system. */
  readonly toRing: readonly BatchRef[];
  /** Batches that the queue would not deliver: to be run here and now. */
  readonly toRun: readonly BatchRef[];
  /** Milliseconds until this system is worth another look, or null when only the next ring or tick tells. */
  readonly againInMs: number | null;
}

const NOTHING: Dispatched = { toRing: [], toRun: [], againInMs: null };

/** Hands out what is due at one system. The claims are committed when this returns; ringing for them is the caller's. */
export async function dispatchDue(workplace: Workplace, systemName: string): Promise<Dispatched> {
  const system = workplace.system(systemName);
  await giveUpExpired(workplace, system);
  if (!system.configured) return NOTHING;
  const { dispatched, rested } = await workplace.database.transaction((tx) => handOut(tx, workplace, system));
  if (rested) workplace.doorbell.ring([...workplace.systems.keys()]);
  return dispatched;
}

/** A call whose lease ended without an answer on record may have deleted what it carried: its items are asked again. */
async function giveUpExpired(workplace: Workplace, system: ConfiguredSystem): Promise<void> {
  const { name, provider } = system.system;
  for (const { id, epoch, attemptId, probe, ids } of await readExpired(workplace.database, name)) {
    workplace.log.warn({ system: name, attempt: attemptId }, 'a call was begun and never completed');
    await recordAnswers(workplace, [
      {
        attemptId,
        batchId: id,
        epoch,
        system: name,
        provider: provider.name,
        probe,
        selects: false,
        items: [],
        commitments: new Map(),
        distinct: ids,
        sent: null,
      },
    ]);
  }
}

interface HandedOut {
  readonly dispatched: Dispatched;
  /** Items came to rest: others may have waited for them. */
  readonly rested: boolean;
}

async function handOut(tx: Transaction, workplace: Workplace, system: ConfiguredSystem): Promise<HandedOut> {
  const { name } = system.system;
  const limit = system.provider.callsPerMinute;
  const [, again, gates, load] = await Promise.all([
    lockSystem(tx, name),
    ringAgain(tx, name),
    readGates(tx),
    readLoad(tx, name, system.provider.name, limit === null ? 0 : workplace.callWindowMs),
  ]);
  const toRing = again.filter((batch) => batch.rings < RINGS_MAX);
  const toRun = again.filter((batch) => batch.rings >= RINGS_MAX);
  const way = passageOf(gates.get(name));
  const room = roomFor(system, load, way.passage);
  // Batches under way ring when they end: to hand out one at a time would cost as much each time as to hand out many.
  const worthwhile = way.passage === 'open' && load.live > 0 ? 2 * system.provider.concurrency : 1;
  if (room < worthwhile) {
    const roomInMs = way.passage === 'closed' ? way.untilMs : untilRoom(system, load, workplace.callWindowMs);
    return { dispatched: { toRing, toRun, againInMs: soonest(roomInMs, untilLeaseEnds(load)) }, rested: false };
  }

  const probe = way.passage === 'probe';
  const blocked = blockedSystems(workplace, gates);
  const wanted = probe ? system.idsPerCall : room * system.idsPerCall;
  const found = probe
    ? leastRecent(await readForProbe(tx, name, wanted, blocked), load.nowMs)
    : await readDue(tx, name, wanted, blocked);
  const due = probe ? found : await restWorn(tx, workplace, system, found);
  const plan = planBatches(due, {
    nowMs: load.nowMs,
    lingerMs: probe ? 0 : workplace.settings.batchLingerMs,
    idsMax: system.idsPerCall,
    room,
  });
  const batches = plan.batches.map((batch) => ({ id: newId(), items: batch.items }));
  await claimBatches(tx, { system: name, provider: system.provider.name, probe }, batches);
  await warnOfEarly(tx, name, due, plan.batches);
  const nextMs = plan.wakeMs ?? (found.length < wanted ? await nextDue(tx, name) : null);
  const dispatched = {
    toRing: [...toRing, ...batches.map(({ id }) => ({ id, epoch: 1 }))],
    toRun,
    againInMs: soonest(nextMs === null ? null : Math.max(nextMs - load.nowMs, 0), untilLeaseEnds(load)),
  };
  return { dispatched, rested: due.length < found.length };
}

function passageOf(row: GateRow | undefined): { passage: 'open' | 'probe' | 'closed'; untilMs: number | null } {
  if (!row) return { passage: 'open', untilMs: null };
  const { gate, nowMs } = row;
  return { passage: passage(gate, nowMs), untilMs: gate.untilMs === null ? null : Math.max(gate.untilMs - nowMs, 0) };
}

/**
 * The item tried least recently and whoever may go with it, due now whatever their back-off: else one silent ID with an
 * early deadline would be every probe, and keep the gate closed for all.
 */
function leastRecent(due: readonly Due[], nowMs: number): readonly Due[] {
  const [first] = due;
  return due
    .filter((item) => item.lane === first?.lane && item.suspectId === first.suspectId)
    .map((item) => ({ ...item, dueMs: nowMs }));
}

/** How many more batches may be handed out: a small multiple of the calls at once, one at a time through a closed gate. */
function roomFor(system: ConfiguredSystem, load: Load, way: 'open' | 'probe' | 'closed'): number {
  if (way === 'closed') return 0;
  if (way === 'probe') return load.live === 0 ? 1 : 0;
  const { concurrency, callsPerMinute } = system.provider;
  const room = HANDED_OUT_PER_CALL * concurrency - load.live;
  return callsPerMinute === null ? room : Math.min(room, callsPerMinute - load.recent - load.claimedAtProvider);
}

/** When a batch comes back whose process may be gone. One that cannot be brought on must not be looked at without a pause. */
function untilLeaseEnds(load: Load): number | null {
  return load.leaseEndsMs === null ? null : Math.max(load.leaseEndsMs - load.nowMs, LEASE_LOOK_MIN_MS);
}

function soonest(...times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** When the oldest call leaves the window in which calls are counted. */
function untilRoom(system: ConfiguredSystem, load: Load, windowMs: number): number | null {
  if (system.provider.callsPerMinute === null || load.oldestRecentMs === null) return null;
  return Math.max(load.oldestRecentMs + windowMs - load.nowMs, 0);
}

async function warnOfEarly(
  tx: Transaction,
  system: string,
  due: readonly Due[],
  batches: readonly PlannedBatch[],
): Promise<void> {
  const early = new Set(due.filter((item) => item.early).map((item) => `${item.requestId}/${item.id}`));
  if (early.size === 0) return;
  const gone = batches.flatMap((batch) => batch.items).filter((item) => early.has(`${item.requestId}/${item.id}`));
  const requestIds = [...new Set(gone.map((item) => item.requestId))];
  await addWarnings(
    tx,
    requestIds.map((requestId) => ({ requestId, code: 'document_before_comments', system })),
  );
}
