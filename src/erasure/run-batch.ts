/**
 * One batch, from its job to its answers: the attempt is committed before the call, only what it names is sent, and
 * what came back is handed to record-answers.
 */
import { setImmediate as leaveTheTurn, setTimeout as pause } from 'node:timers/promises';
import { dropClaim, keepClaim } from '../store/batches.js';
import type { BatchRef } from '../store/batches.js';
import { isUnavailable } from '../store/database.js';
import type { Call } from '../systems/system.js';
import { commitmentsOf } from './call-events.js';
import { ProviderSlots } from './provider-slots.js';
import type { Recorder } from './recorder.js';
import type { FinishedCall } from './finished-call.js';
import { startBatches } from './start-batches.js';
import type { Start, StartedCall } from './start-batches.js';
import { Together } from './together.js';
import type { ConfiguredSystem, Sent, Workplace } from './workplace.js';

/** Where calls are limited by the minute, one that could not leave within this time is not sent. */
const RATE_SEND_WITHIN_MS = 1_000;
/** How long a batch waits before it asks again for room at its provider. */
const ROOM_PAUSE_MS = 50;
const KEEP_CLAIM_EVERY_MS = 2_000;
const RECORD_AGAIN_MS = 250;

/** The way of a system's batches to its provider. */
interface Way {
  /** Of the provider: shared by all of its systems. */
  readonly slots: ProviderSlots;
  readonly starts: Together<BatchRef, Start>;
}

export class BatchRunner {
  private readonly providers = new Map<string, ProviderSlots>();
  private readonly slots = new Map<string, Way>();
  private running = 0;
  private stopping = false;
  private readonly idlers: (() => void)[] = [];

  constructor(
    private readonly workplace: Workplace,
    private readonly recorder: Recorder,
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
    const { slots, starts } = this.slotsOf(system);
    for (let keptAtMs = performance.now(); ;) {
      if (!(await this.slotFor(slots, ref))) return;
      let start: Start = { kind: 'gone' };
      const beganMs = performance.now();
      try {
        if (this.stopping) return await dropClaim(this.workplace.database, ref);
        start = await starts.do(ref);
        if (start.kind === 'gone') return;
        if (start.kind === 'started') {
          const [sent, commitments] = await Promise.all([
            this.send(system, start.call, beganMs),
            this.commitMeanwhile(start),
          ]);
          slots.ended.add(ref.id);
          this.workplace.calls.observe(system.system.name, sent.reading.verdict, (performance.now() - beganMs) / 1000);
          await this.handOver(start, ref, { sent, commitments }, slots);
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

  /** Waits for a slot, saying now and then that the batch is taken up. False when it is no longer ours: no slot is held. */
  private async slotFor(slots: ProviderSlots, ref: BatchRef): Promise<boolean> {
    return slots.acquireWhile(KEEP_CLAIM_EVERY_MS, async () =>
      this.workplace.database.transaction((tx) => keepClaim(tx, ref)),
    );
  }

  /** The call has ended: its slot is free at once, while the record is being written. */
  private async handOver(
    start: StartedCall,
    ref: BatchRef,
    ended: Pick<FinishedCall, 'sent' | 'commitments'>,
    slots: ProviderSlots,
  ): Promise<void> {
    slots.release();
    const { batch, attemptId, call, items, distinct } = start;
    const { system, provider, epoch, probe } = batch;
    const { selects } = call;
    const begun = { attemptId, batchId: ref.id, epoch, system, provider, probe };
    try {
      await this.recordWhileLeased({ ...begun, selects, items, distinct, ...ended });
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

  /** Once the call is on its way: what the ledger will say of its items takes as long as a good part of a provider's work. */
  private async commitMeanwhile({ batch, items, keys }: StartedCall): Promise<FinishedCall['commitments']> {
    await leaveTheTurn();
    try {
      return commitmentsOf(batch.system, items, keys);
    } catch (error) {
      // The answer is worth more: what is missing is worked out when it is recorded.
      this.workplace.log.error(
        { system: batch.system, error: error instanceof Error ? error.name : typeof error },
        'commitments could not be worked out: a bug',
      );
      return new Map();
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
      const reading = { ...remarks, verdict: 'unclear', silent: true, effect: 'unknown', retryAfterMs: null } as const;
      return { reading, httpStatus: null, sha256: null, left: true };
    }
  }

  private mayStillSend(system: ConfiguredSystem, beganMs: number): boolean {
    const waitedMs = performance.now() - beganMs;
    const limitMs = system.provider.callsPerMinute === null ? Infinity : RATE_SEND_WITHIN_MS;
    return waitedMs < Math.min(this.workplace.settings.leaseMarginMs, limitMs);
  }

  private slotsOf(system: ConfiguredSystem): Way {
    const { name, concurrency } = system.provider;
    const known = this.slots.get(system.system.name);
    if (known) return known;
    const slots = this.providers.get(name) ?? new ProviderSlots(concurrency);
    this.providers.set(name, slots);
    const starts = new Together<BatchRef, Start>(
      (refs) => startBatches(this.workplace, system, refs, [...slots.ended]),
      { itemsMax: concurrency },
    );
    const made = { slots, starts };
    this.slots.set(system.system.name, made);
    return made;
  }
}
