/**
 * Runs dispatch-due whenever somebody rings, when something is known to become due, and every few seconds in any case:
 * a plain timer in every worker process, which no flush of a queue can take away.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { freeOrphans } from '../store/batches.js';
import type { BatchRef } from '../store/batches.js';
import { dispatchDue } from '../erasure/dispatch-due.js';
import { openForNewCredentials } from '../erasure/resume-system.js';
import type { BatchRunner } from '../erasure/run-batch.js';
import { shredPastRetention } from '../erasure/shred-request.js';
import type { Workplace } from '../erasure/workplace.js';
import type { Deliveries } from './deliveries.js';

const TICK_MS = 5000;
const TICK_JITTER_MS = 1000;
/** Between two looks at a system: what many batches ring for as they end is found by one. */
const LOOK_GAP_MS = 50;
const ENQUEUE_WITHIN_MS = 2000;

/** Puts batches into the queue of their system. Rejects when the queue is away. */
export type Enqueue = (system: string, batches: readonly BatchRef[]) => Promise<void>;

interface SystemState {
  running: Promise<void>;
  looking: boolean;
  again: boolean;
  timer: NodeJS.Timeout | null;
}

export class Dispatcher {
  private readonly states = new Map<string, SystemState>();
  private tick: NodeJS.Timeout | null = null;
  private stopped = false;

  constructor(
    private readonly workplace: Workplace,
    private readonly runner: BatchRunner,
    private readonly enqueue: Enqueue,
    private readonly deliveries: Deliveries,
  ) {
    for (const name of workplace.systems.keys())
      this.states.set(name, { running: Promise.resolve(), looking: false, again: false, timer: null });
  }

  /** Looks at once, and from then on every few seconds. */
  start(): void {
    void this.tidy();
    this.wake([...this.states.keys()]);
    this.tick = setTimeout(() => this.start(), TICK_MS + Math.random() * TICK_JITTER_MS);
  }

  /** What only a tick needs to look after; one that fails is followed by another. */
  private async tidy(): Promise<void> {
    const { workplace } = this;
    const steps = [
      async () => freeOrphans(workplace.database),
      async () => openForNewCredentials(workplace),
      async () => shredPastRetention(workplace, workplace.settings.retentionDays),
    ];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        workplace.log.warn({ error: errorName(error) }, 'the tick did not go through');
      }
    }
  }

  /** Looks at these systems soon: once more after a look that is under way, and never twice at once. */
  wake(systems: readonly string[]): void {
    for (const name of systems) {
      const state = this.states.get(name);
      if (!state || this.stopped) continue;
      state.again = true;
      if (!state.looking) state.running = this.look(name, state);
    }
  }

  /** No look begins after this; the last ones have ended when it resolves. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.tick) clearTimeout(this.tick);
    for (const state of this.states.values()) if (state.timer) clearTimeout(state.timer);
    await Promise.all([...this.states.values()].map((state) => state.running));
  }

  private async look(name: string, state: SystemState): Promise<void> {
    state.looking = true;
    while (state.again && !this.stopped) {
      state.again = false;
      try {
        const { toRing, toRun, againInMs } = await dispatchDue(this.workplace, name);
        if (toRing.length > 0 && !(await this.rung(name, toRing))) this.runHere(name, toRing);
        if (toRun.length > 0) this.deliveries.cameBack(name, performance.now());
        this.runHere(name, toRun);
        if (state.timer) clearTimeout(state.timer);
        state.timer = againInMs === null || this.stopped ? null : setTimeout(() => this.wake([name]), againInMs + 1);
      } catch (error) {
        this.workplace.log.warn(
          { system: name, error: errorName(error) },
          'nothing could be handed out; the next tick tries again',
        );
      }
      await pause(LOOK_GAP_MS);
    }
    state.looking = false;
  }

  /** True when the queue has the batches. One that hangs counts as gone: a job that comes after all finds its epoch taken. */
  private async rung(name: string, batches: readonly BatchRef[]): Promise<boolean> {
    const added = this.enqueue(name, batches).then(
      () => true,
      () => false,
    );
    return Promise.race([added, pause(ENQUEUE_WITHIN_MS, false, { ref: false })]);
  }

  /** With the queue gone, work goes on in the process that found it. */
  private runHere(name: string, batches: readonly BatchRef[]): void {
    for (const batch of batches) {
      this.runner.run(name, batch).catch((error: unknown) => {
        this.workplace.log.warn(
          { system: name, batch: batch.id, error: errorName(error) },
          'a batch was not finished; its lease will end',
        );
      });
    }
  }
}

/** What may be said of an error in a log: its kind. Its message may quote a value. */
export function errorName(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  return `${error.name}${code}`;
}
