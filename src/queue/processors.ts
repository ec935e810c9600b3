/** The ends of the queues: one worker a system, and one that answers the doorbell. */
import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import type { Job, WorkerOptions } from 'bullmq';
import { BatchRunner } from '../erasure/run-batch.js';
import { Workplace } from '../erasure/workplace.js';
import type { ConfiguredSystem } from '../erasure/workplace.js';
import type { BatchRef } from '../store/batches.js';
import { Deliveries } from './deliveries.js';
import { Dispatcher } from './dispatcher.js';
import { Notifier } from './notifier.js';
import type { QueueBackend } from './queue-backend.js';
import { Troubles } from './troubles.js';

export const DISPATCH_QUEUE = 'dispatch';
/** More than this makes BullMQ's Postgres backend slower, and a batch is a hundred IDs. */
const CONCURRENCY_MAX = 20;
/** Even where one call may run, the next batch is at hand. */
const CONCURRENCY_MIN = 2;

/** A job says which batches, and under which epochs: nothing else, and nothing personal. */
export interface BatchJob {
  readonly batches: readonly { readonly batchId: string; readonly epoch: number }[];
}

/**
 * BullMQ's own ideas of failure are switched off: it gives a job up for good after two crashes of its worker, and
 * retries are counted in Postgres, where they survive it.
 */
function options(backend: QueueBackend, concurrency: number): Partial<WorkerOptions> {
  return {
    connection: backend.consumer,
    concurrency,
    maxStalledCount: 1000,
    lockDuration: 30_000,
    stalledInterval: 5_000,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
  };
}

/** The worker of one system's queue. */
export function batchProcessor(system: ConfiguredSystem, backend: QueueBackend): Type<WorkerHost> {
  const { name } = system.system;
  // As many as calls: slow ones that hold up a job each must hold every slot before a slot stands empty.
  const concurrency = Math.min(CONCURRENCY_MAX, Math.max(CONCURRENCY_MIN, system.provider.concurrency));

  @Processor(name, options(backend, concurrency))
  class BatchProcessor extends WorkerHost {
    constructor(
      @Inject(BatchRunner) private readonly runner: BatchRunner,
      @Inject(Troubles) private readonly troubles: Troubles,
      @Inject(Deliveries) private readonly deliveries: Deliveries,
    ) {
      super();
    }

    async process(job: Job<unknown>): Promise<void> {
      const refs = readBatchJob(job.data);
      this.deliveries.began(name);
      try {
        const ends = await Promise.allSettled(refs.map(async (ref) => this.runner.run(name, ref)));
        const failed = ends.find((end) => end.status === 'rejected');
        if (failed) throw failed.reason;
      } finally {
        this.deliveries.ended(name);
      }
    }

    @OnWorkerEvent('error')
    onError(error: unknown): void {
      this.troubles.tell(name, error);
    }
  }
  return BatchProcessor;
}

/** The worker that answers the doorbell of the API processes. */
export function dispatchProcessor(backend: QueueBackend): Type<WorkerHost> {
  @Processor(DISPATCH_QUEUE, options(backend, 1))
  class DispatchProcessor extends WorkerHost {
    constructor(
      @Inject(Dispatcher) private readonly dispatcher: Dispatcher,
      @Inject(Notifier) private readonly notifier: Notifier,
      @Inject(Workplace) private readonly workplace: Workplace,
      @Inject(Troubles) private readonly troubles: Troubles,
    ) {
      super();
    }

    process(): Promise<void> {
      this.dispatcher.wake([...this.workplace.systems.keys()]);
      this.notifier.wake();
      return Promise.resolve();
    }

    @OnWorkerEvent('error')
    onError(error: unknown): void {
      this.troubles.tell(DISPATCH_QUEUE, error);
    }
  }
  return DispatchProcessor;
}

const UUID = /^[0-9a-f-]{36}$/;

/** The batches of a job. A queue may hold anything, ghosts of another time included: what is no batch of ours is dropped. */
function readBatchJob(data: unknown): BatchRef[] {
  if (typeof data !== 'object' || data === null || !('batches' in data) || !Array.isArray(data.batches)) return [];
  const batches: readonly unknown[] = data.batches;
  return batches.flatMap((batch) => readBatch(batch) ?? []);
}

function readBatch(data: unknown): BatchRef | null {
  if (typeof data !== 'object' || data === null || !('batchId' in data) || !('epoch' in data)) return null;
  const { batchId, epoch } = data;
  if (typeof batchId !== 'string' || !UUID.test(batchId)) return null;
  return typeof epoch === 'number' && Number.isSafeInteger(epoch) && epoch > 0 && epoch < 2 ** 31
    ? { id: batchId, epoch }
    : null;
}
