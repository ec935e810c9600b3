/** Runs the sender of notifications whenever somebody rings, and every few seconds in any case. */
import { setTimeout as pause } from 'node:timers/promises';
import { notifyDeadlines } from '../erasure/notify.js';
import type { Workplace } from '../erasure/workplace.js';
import { resolveByDns } from '../notifications/post.js';
import { Sender, SENDER_LIMITS } from '../notifications/sender.js';
import { errorName } from './dispatcher.js';

const TICK_MS = 5000;
const TICK_JITTER_MS = 1000;
/** Between two looks: what many requests ring for as they settle is found by one. */
const LOOK_GAP_MS = 100;
/** Deadlines come with the days: one tick in so many looks for them. */
const TICKS_PER_DEADLINES = 12;
const TOTAL_MS = 15_000;
const CONNECT_MS = 3000;

export class Notifier {
  private readonly sender: Sender;
  private timer: NodeJS.Timeout | null = null;
  private ticks = 0;
  private running: Promise<void> = Promise.resolve();
  private looking = false;
  private again = false;
  private stopped = false;

  constructor(private readonly workplace: Workplace) {
    const { allowPrivateEndpoints: allowPrivate } = workplace.settings;
    const rules = { allowPrivate, resolve: resolveByDns, totalMs: TOTAL_MS, connectMs: CONNECT_MS };
    this.sender = new Sender(workplace, rules, SENDER_LIMITS, () => this.wake());
  }

  /** Looks at once, and from then on every few seconds. */
  start(): void {
    void this.tick();
    this.timer = setTimeout(() => this.start(), TICK_MS + Math.random() * TICK_JITTER_MS);
  }

  /** Looks soon for what is due: once more after a look that is under way, and never twice at once. */
  wake(): void {
    if (this.stopped) return;
    this.again = true;
    if (!this.looking) this.running = this.look();
  }

  /** No attempt begins after this; the last ones have ended when it resolves. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    await this.running;
    await this.sender.stop();
  }

  private async tick(): Promise<void> {
    try {
      if (this.ticks === 0 && (await notifyDeadlines(this.workplace.database))) this.ticks = -1;
      await this.sender.tidy();
    } catch (error) {
      this.workplace.log.warn({ error: errorName(error) }, 'deadlines could not be looked at; another tick will');
    }
    this.ticks = (this.ticks + 1) % TICKS_PER_DEADLINES;
    this.wake();
  }

  private async look(): Promise<void> {
    this.looking = true;
    while (this.again && !this.stopped) {
      this.again = false;
      try {
        await this.sender.sendDue();
      } catch (error) {
        const facts = { error: errorName(error) };
        this.workplace.log.warn(facts, 'no notification could be taken up; the next tick tries again');
      }
      await pause(LOOK_GAP_MS);
    }
    this.looking = false;
  }
}
