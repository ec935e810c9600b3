/** Counts how often something was done, in memory, and shares the counts with all processes through the database. */
import { Inject } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { hit, hitsOf, merged } from '../core/rate-window.js';
import type { Hit, RateWindow } from '../core/rate-window.js';
import { Workplace } from '../erasure/workplace.js';
import { addHits, dropEndedWindows } from '../store/rate-windows.js';
import { Clock } from './clock.js';

export const MINUTE_MS = 60_000;
/** How long a process may know nothing of what another one counted. */
const SHARE_AFTER_MS = 250;
const RETRY_AFTER_MS = 5000;
/** More addresses than this are not kept apart: the oldest are forgotten. */
const WINDOWS_MAX = 50_000;

type ThrottlerRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

interface Counted extends RateWindow {
  readonly lengthMs: number;
}

/**
 * A request costs no statement: hits are added up and written at most every 250 ms, one statement for all keys. A limit
 * may therefore be passed over by what the other processes count in that time. With the database away each process goes
 * on with what it knows: nobody gets in by that, since a key is looked up in the same database.
 */
export class SharedCounts implements ThrottlerStorage, OnModuleDestroy {
  private readonly windows = new Map<string, Counted>();
  private timer: NodeJS.Timeout | null = null;
  private sharing: Promise<void> = Promise.resolve();
  private failing = false;
  private droppedAtMs = 0;

  constructor(
    @Inject(Workplace) private readonly workplace: Workplace,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Counts one hit of `key`, of at most `limit` in a window of `lengthMs`. */
  count(key: string, limit: number, lengthMs: number): Hit {
    const counted = hit(this.windows.get(key), limit, lengthMs, this.clock.nowMs());
    this.keep(key, { ...counted.window, lengthMs });
    if (!counted.over) this.shareAfter(SHARE_AFTER_MS);
    return counted;
  }

  /** Seconds until `key` may go on, when it has had its `limit`; else null. Counts nothing. */
  secondsOver(key: string, limit: number): number | null {
    const window = this.windows.get(key);
    const nowMs = this.clock.nowMs();
    if (window === undefined || hitsOf(window, nowMs) < limit) return null;
    return Math.max(1, Math.ceil((window.endsAtMs - nowMs) / 1000));
  }

  /** As the throttler asks it. */
  increment(key: string, lengthMs: number, limit: number): Promise<ThrottlerRecord> {
    const { hits, over, secondsLeft } = this.count(key, limit, lengthMs);
    const record = { totalHits: hits, timeToExpire: secondsLeft, isBlocked: over, timeToBlockExpire: secondsLeft };
    return Promise.resolve(record);
  }

  async onModuleDestroy(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    await this.sharing;
    await this.share();
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private keep(key: string, window: Counted): void {
    this.windows.set(key, window);
    if (this.windows.size <= WINDOWS_MAX) return;
    const oldest = this.windows.keys().next();
    if (oldest.done !== true) this.windows.delete(oldest.value);
  }

  private shareAfter(ms: number): void {
    if (this.timer !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.sharing = this.sharing.then(async () => this.share());
    }, ms);
    this.timer.unref();
  }

  private async share(): Promise<void> {
    const nowMs = this.clock.nowMs();
    for (const [key, window] of this.windows) if (window.endsAtMs <= nowMs) this.windows.delete(key);
    const sent = new Map([...this.windows].filter(([, window]) => window.own > 0));
    if (sent.size === 0) return;
    const hits = [...sent].map(([key, window]) => ({ key, hits: window.own, lengthMs: window.lengthMs }));
    try {
      for (const said of await addHits(this.workplace.database, hits)) {
        const [now, then] = [this.windows.get(said.key), sent.get(said.key)];
        // A window that ended meanwhile is left alone: what it was is over.
        if (!now || !then || now.endsAtMs !== then.endsAtMs) continue;
        const shared = { hits: said.hits, endsAtMs: this.clock.nowMs() + said.leftMs };
        this.windows.set(said.key, { ...merged(now, then.own, shared), lengthMs: now.lengthMs });
      }
      await this.dropEnded(nowMs);
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.workplace.log.warn({ error: nameOf(error) }, 'the counts of requests are not shared');
      this.failing = true;
      this.shareAfter(RETRY_AFTER_MS);
    }
  }

  private async dropEnded(nowMs: number): Promise<void> {
    if (nowMs < this.droppedAtMs + MINUTE_MS) return;
    this.droppedAtMs = nowMs;
    await dropEndedWindows(this.workplace.database);
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
