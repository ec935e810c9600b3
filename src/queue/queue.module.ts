/** Wires the queues: who rings, who answers, and how they stop. The only place that knows BullMQ is there. */
import { BullModule, getQueueToken, WorkerHost } from '@nestjs/bullmq';
import { Inject, Module } from '@nestjs/common';
import type {
  BeforeApplicationShutdown,
  DynamicModule,
  OnApplicationBootstrap,
  OnModuleInit,
  Type,
} from '@nestjs/common';
import { DiscoveryModule, ModuleRef } from '@nestjs/core';
import type { Queue } from 'bullmq';
import { setTimeout as pause } from 'node:timers/promises';
import type { BatchRef } from '../store/batches.js';
import { Recorder } from '../erasure/recorder.js';
import { BatchRunner } from '../erasure/run-batch.js';
import { Workplace } from '../erasure/workplace.js';
import { Deliveries } from './deliveries.js';
import { Dispatcher } from './dispatcher.js';
import { Notifier } from './notifier.js';
import { batchProcessor, DISPATCH_QUEUE, dispatchProcessor } from './processors.js';
import type { BatchJob } from './processors.js';
import type { QueueBackend } from './queue-backend.js';
import type { QueueDoorbell } from './queue-doorbell.js';
import { Troubles } from './troubles.js';

const READY_WITHIN_MS = 2000;
const STOP_WITHIN_MS = 30_000;
/** What recording the last answers may take. */
const RECORD_MS = 5_000;
/** However many submits come together, the doorbell job is added once in this time. */
const RING_EVERY_MS = 20;

/** What the module is given by whoever puts the service together. */
export abstract class QueueSetup {
  abstract readonly backend: QueueBackend;
  abstract readonly doorbell: QueueDoorbell;
  /** True where batches are run, false in a process that only takes requests in. */
  abstract readonly works: boolean;
  /** The worker classes of this process, whose instances the stop waits for. */
  abstract readonly processors: readonly Type<WorkerHost>[];
}

/** Batches that are handed out together make so many jobs, if none gets more than it may. */
const JOBS_TOGETHER = 4;
const BATCHES_A_JOB_MAX = 4;

/** A job costs the queue as much as the record of its call costs the store: many batches go a few to a job, few go alone. */
function jobsOf(batches: readonly BatchRef[]): { readonly jobId: string; readonly data: BatchJob }[] {
  const each = Math.min(BATCHES_A_JOB_MAX, Math.ceil(batches.length / JOBS_TOGETHER));
  const jobs: { jobId: string; data: BatchJob }[] = [];
  for (let from = 0; from < batches.length; from += each) {
    const own = batches.slice(from, from + each);
    const jobId = own.map(({ id, epoch }) => `${id}-${epoch}`)[0] ?? '';
    jobs.push({ jobId, data: { batches: own.map(({ id, epoch }) => ({ batchId: id, epoch })) } });
  }
  return jobs;
}

/** The queues of this process. */
export class Queues {
  constructor(private readonly byName: ReadonlyMap<string, Queue>) {}

  all(): readonly Queue[] {
    return [...this.byName.values()];
  }

  /** Adds batches, a few to a job where there are many. Rejects when the queue is away. */
  async enqueue(system: string, batches: readonly BatchRef[]): Promise<void> {
    await this.named(system).addBulk(
      jobsOf(batches).map(({ jobId, data }) => ({
        name: 'batch',
        data,
        opts: { jobId, attempts: 1, removeOnComplete: true, removeOnFail: true },
      })),
    );
  }

  /** Adds the job that wakes a dispatcher. */
  async ringDispatch(): Promise<void> {
    await this.named(DISPATCH_QUEUE).add('ring', {}, { attempts: 1, removeOnComplete: true, removeOnFail: true });
  }

  /** Resolves when the queue's store answers. */
  async ping(): Promise<void> {
    await this.named(DISPATCH_QUEUE).getJobCounts('waiting');
  }

  private named(name: string): Queue {
    const queue = this.byName.get(name);
    if (!queue) throw new Error(`there is no queue named ${name}`);
    return queue;
  }
}

@Module({})
export class QueueModule implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    @Inject(QueueSetup) private readonly setup: QueueSetup,
    @Inject(Workplace) private readonly workplace: Workplace,
    @Inject(Queues) private readonly queues: Queues,
    @Inject(Dispatcher) private readonly dispatcher: Dispatcher,
    @Inject(BatchRunner) private readonly runner: BatchRunner,
    @Inject(Notifier) private readonly notifier: Notifier,
    @Inject(Troubles) private readonly troubles: Troubles,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
  ) {}

  static over(
    workplace: Workplace,
    given: { backend: QueueBackend; doorbell: QueueDoorbell; works: boolean },
  ): DynamicModule {
    const names = [DISPATCH_QUEUE, ...workplace.systems.keys()];
    const processors = given.works
      ? [
          dispatchProcessor(given.backend),
          ...[...workplace.systems.values()].map((system) => batchProcessor(system, given.backend)),
        ]
      : [];
    const setup: QueueSetup = { ...given, processors };
    return {
      module: QueueModule,
      imports: [
        DiscoveryModule,
        BullModule.forRoot({ connection: given.backend.producer, prefix: 'expunge' }),
        BullModule.registerQueue(...names.map((name) => ({ name }))),
      ],
      providers: [
        { provide: QueueSetup, useValue: setup },
        { provide: Workplace, useValue: workplace },
        { provide: Recorder, useFactory: () => new Recorder(workplace) },
        {
          provide: BatchRunner,
          useFactory: (recorder: Recorder) => new BatchRunner(workplace, recorder),
          inject: [Recorder],
        },
        {
          provide: Queues,
          useFactory: (...queues: Queue[]) => new Queues(new Map(queues.map((queue) => [queue.name, queue]))),
          inject: names.map((name) => getQueueToken(name)),
        },
        {
          provide: Dispatcher,
          useFactory: (runner: BatchRunner, queues: Queues, deliveries: Deliveries) =>
            new Dispatcher(workplace, runner, async (system, batches) => queues.enqueue(system, batches), deliveries),
          inject: [BatchRunner, Queues, Deliveries],
        },
        { provide: Notifier, useFactory: () => new Notifier(workplace) },
        Deliveries,
        { provide: Troubles, useFactory: () => new Troubles(workplace.log) },
        ...processors,
      ],
      exports: [Queues, BatchRunner],
    };
  }

  async onModuleInit(): Promise<void> {
    for (const queue of this.queues.all()) {
      queue.on('error', (error) => {
        this.troubles.tell(queue.name, error);
      });
    }
    const ready = Promise.all(this.queues.all().map(async (queue) => queue.waitUntilReady().catch(() => null)));
    await Promise.race([ready, pause(READY_WITHIN_MS)]);
  }

  onApplicationBootstrap(): void {
    if (this.setup.works) {
      this.setup.doorbell.answeredBy((systems) => {
        this.dispatcher.wake(systems);
        this.notifier.wake();
      });
      this.dispatcher.start();
      this.notifier.start();
    } else {
      this.setup.doorbell.answeredBy(this.ringThroughQueue());
    }
  }

  /** Stops intake, lets running calls end, then closes the queue. The database is closed by whoever opened it. */
  async beforeApplicationShutdown(): Promise<void> {
    this.runner.stop();
    const workers = this.setup.processors.map((processor) => this.moduleRef.get(processor, { strict: false }).worker);
    const ended = Promise.all([
      this.dispatcher.stop(),
      this.notifier.stop(),
      ...workers.map(async (worker) => worker.close()),
      this.runner.idle(),
    ]);
    // A call that is under way is worth its own time-out: cut short it would have to be repeated.
    const withinMs = Math.max(STOP_WITHIN_MS, this.workplace.settings.providerTimeoutMs + RECORD_MS);
    await Promise.race([ended, pause(withinMs, undefined, { ref: false })]);
  }

  /** Never awaited by who rings: while the queue is away the ring is dropped, and the tick of a worker finds the work. */
  private ringThroughQueue(): () => void {
    let rung = false;
    return () => {
      if (rung) return;
      rung = true;
      setTimeout(() => {
        rung = false;
        this.queues.ringDispatch().catch(() => undefined);
      }, RING_EVERY_MS);
    };
  }
}
