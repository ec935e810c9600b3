/**
 * One batch, from its job to its answers: the attempt is committed before the call, only what it names is sent, and
 * what came back is handed to record-answers.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { passage } from '../core/gate.js';
import { beginAttempt, readSendable, shareRequestsOfBatch } from '../store/attempts.js';
import { countInFlight, dropClaim, endBatches, keepClaim, lockProvider, takeBatch } from '../store/batches.js';
import type { BatchRef, TakenBatch } from '../store/batches.js';
import { isUnavailable } from '../store/database.js';
import type { Transaction } from '../store/database.js';
import { readGates } from '../store/gates.js';
import type { GateRow } from '../store/gates.js';
import { newId } from '../store/identifiers.js';
import type { Call } from '../systems/system.js';
import { openItems, toCall } from './call-of-batch.js';
import { ProviderSlots } from './provider-slots.js';
import type { Recorder } from './recorder.js';
import type { CarriedItem, FinishedCall } from './finished-call.js';
import type { ConfiguredSystem, Sent, Workplace } from './workplace.js';

/** Calls are counted over this window, a little more than a minute: a call may reach the provider later than its row. */
export const RATE_WINDOW_MS = 62_000;
/** Where calls are limited by the minute, one that could not leave within this time is not sent. */
const RATE_SEND_WITHIN_MS = 1_000;
/** How long a batch waits before it asks again for room at its provider. */
const ROOM_PAUSE_MS = 50;
const KEEP_CLAIM_EVERY_MS = 5_000;
const RECORD_AGAIN_MS = 250;

interface StartedCall {
  readonly kind: 'started';
  readonly batch: TakenBatch;
  readonly attemptId: string;
  readonly call: Call;
  readonly items: readonly CarriedItem[];
  readonly distinct: number;
}
type Start = StartedCall | { readonly kind: 'gone' } | { readonly kind: 'no_room' };

/** The provider takes no more calls now: the batch is left as it was, and asks again. */
class NoRoom extends Error {}

function noRoom(error: unknown): Start {
  if (error instanceof NoRoom) return { kind: 'no_room' };
  throw error;
}

export class BatchRunner {
  private readonly slots = new Map<string, ProviderSlots>();
  private running = 0;
  private stopping = false;
  private readonly idlers: (() => void)[] = [];

  constructor(
    private readonly workplace: Workplace,
    private readonly recorder: Recorder,
    /** Told of every point at which a crash is worth a test. */
    private readonly passing: (point: string) => void = () => undefined,
  ) {}

  /** No call begins after this; batches not begun are left to others. */
  stop(): void {
    this.stopping = true;
  }

  /** Resolves when no batch is being worked on. */
  async idle(): Promise<void> {
    if (this.running > 0) await new Promise<void>((resolve) => this.idlers.push(resolve));
  }

  /**
   * Sends a batch and records what came of it; a batch that is no longer ours under this epoch is left alone. Throws
   * only when the database is away: the lease ends by itself then, and the batch is found again.
   */
  async run(systemName: string, ref: BatchRef): Promise<void> {
    this.running += 1;
    try {
      await this.runOne(this.workplace.system(systemName), ref);
    } finally {
      this.running -= 1;
      if (this.running === 0) for (const resolve of this.idlers.splice(0)) resolve();
    }
  }

  private async runOne(system: ConfiguredSystem, ref: BatchRef): Promise<void> {
    const slots = this.slotsOf(system);
    for (let keptAtMs = performance.now(); ;) {
      await slots.acquire();
      let start: Start = { kind: 'gone' };
      const beganMs = performance.now();
      try {
        if (this.stopping) return await dropClaim(this.workplace.database, ref);
        start = await this.workplace.database
          .transaction((tx) => this.begin(tx, system, ref, [...slots.ended]))
          .catch((error: unknown) => noRoom(error));
        if (start.kind === 'gone') return;
        if (start.kind === 'started') {
          this.passing('after attempt row');
          const sent = await this.send(system, start.call, beganMs);
          slots.ended.add(ref.id);
          this.passing('after answer');
          this.workplace.calls.observe(system.system.name, sent.reading.verdict, (performance.now() - beganMs) / 1000);
          await this.handOver(start, ref, sent, slots);
          return;
        }
      } finally {
        if (start.kind !== 'started') slots.release();
      }
      await pause(ROOM_PAUSE_MS);
      if (performance.now() - keptAtMs > KEEP_CLAIM_EVERY_MS) {
        keptAtMs = performance.now();
        if (!(await this.workplace.database.transaction((tx) => keepClaim(tx, ref)))) return;
      }
    }
  }

  /** The call has ended: its slot is free at once, while the record is being written. */
  private async handOver(
    start: StartedCall,
    ref: BatchRef,
    sent: FinishedCall['sent'],
    slots: ProviderSlots,
  ): Promise<void> {
    slots.release();
    const { batch, attemptId, call, items, distinct } = start;
    const { system, provider, epoch, probe } = batch;
    const { selects } = call;
    const finished = { attemptId, batchId: ref.id, epoch, system, provider, probe, selects, items, distinct, sent };
    try {
      await this.recordWhileLeased(finished);
    } finally {
      slots.ended.delete(ref.id);
    }
  }

  /**
   * An answer is worth the lease: a database that is away for a moment must not cost the call. Once the lease may have
   * ended, whoever gave the batch up has written what there is to write.
   */
  private async recordWhileLeased(call: FinishedCall): Promise<void> {
    const endsMs = performance.now() + this.workplace.settings.leaseMarginMs;
    for (;;) {
      try {
        await this.recorder.record(call);
        return;
      } catch (error) {
        if (!isUnavailable(error) || performance.now() > endsMs) throw error;
        await pause(RECORD_AGAIN_MS);
      }
    }
  }

  /** An adapter that throws is a bug of ours: what its call did is then unknown, and nobody else is harmed. */
  private async send(system: ConfiguredSystem, call: Call, beganMs: number): Promise<Sent> {
    try {
      return await system.send(call, () => this.mayStillSend(system, beganMs));
    } catch (error) {
      this.workplace.log.error(
        { system: system.system.name, error: error instanceof Error ? error.name : typeof error },
        'an adapter threw: a bug',
      );
      const remarks = { providerStatus: null, providerMessage: null, providerCount: null, anomalies: [] };
      const reading = { ...remarks, verdict: 'unclear', silent: false, effect: 'unknown', retryAfterMs: null } as const;
      return { reading, httpStatus: null, sha256: null, left: true };
    }
  }

  private mayStillSend(system: ConfiguredSystem, beganMs: number): boolean {
    const waitedMs = performance.now() - beganMs;
    const limitMs = system.provider.callsPerMinute === null ? Infinity : RATE_SEND_WITHIN_MS;
    return waitedMs < Math.min(this.workplace.settings.leaseMarginMs, limitMs);
  }

  private async begin(
    tx: Transaction,
    system: ConfiguredSystem,
    ref: BatchRef,
    ended: readonly string[],
  ): Promise<Start> {
    const { settings, vault } = this.workplace;
    const { name, concurrency, callsPerMinute } = system.provider;
    const batch = await takeBatch(tx, ref, settings.providerTimeoutMs + settings.leaseMarginMs);
    if (batch === null) return { kind: 'gone' };
    const mayPass = letsThrough((await readGates(tx)).get(batch.system), batch.probe);
    await shareRequestsOfBatch(tx, ref.id);
    const items = mayPass && system.configured ? await openItems(tx, vault, await readSendable(tx, ref.id)) : [];
    const call = items.length > 0 ? toCall(items) : null;
    if (call === null) {
      await endBatches(tx, [ref.id]);
      return { kind: 'gone' };
    }
    // Last, so that the calls of a provider wait for each other as shortly as can be.
    await lockProvider(tx, name);
    const load = await countInFlight(tx, name, [ref.id, ...ended], callsPerMinute === null ? 0 : RATE_WINDOW_MS);
    if (load.inFlight >= concurrency || (callsPerMinute !== null && load.recent >= callsPerMinute)) throw new NoRoom();
    const distinct = new Set(items.map((item) => item.digest)).size;
    const attemptId = newId();
    const { system: systemName, provider, epoch, probe } = batch;
    await beginAttempt(tx, {
      id: attemptId,
      batchId: ref.id,
      epoch,
      system: systemName,
      provider,
      probe,
      ids: distinct,
      items,
    });
    return { kind: 'started', batch, attemptId, call, items, distinct };
  }

  private slotsOf(system: ConfiguredSystem): ProviderSlots {
    const { name, concurrency } = system.provider;
    const slots = this.slots.get(name) ?? new ProviderSlots(concurrency);
    this.slots.set(name, slots);
    return slots;
  }
}

/** A gate that closed since the batch was claimed sends it back; a probe is what a gate in doubt waits for. */
function letsThrough(row: GateRow | undefined, probe: boolean): boolean {
  if (!row || passage(row.gate, row.nowMs) === 'open') return true;
  return probe && (row.gate.reason === 'outage' || row.gate.reason === 'contract');
}
