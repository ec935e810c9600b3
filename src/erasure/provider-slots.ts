import { setTimeout as pause } from 'node:timers/promises';

/** How many calls this process has in flight at a provider. The limit over all processes is kept in the database. */
export class ProviderSlots {
  private taken = 0;
  private readonly waiting: (() => void)[] = [];
  /** Batches of this process whose call has ended and whose record is not written yet: not in flight any more. */
  readonly ended = new Set<string>();

  constructor(private readonly slots: number) {}

  /** Waits for a free slot. The caller gives it back with `release`. */
  async acquire(): Promise<void> {
    if (this.taken < this.slots) {
      this.taken += 1;
      return;
    }
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /**
   * Waits for a free slot, and asks every `everyMs` whether it is still wanted. Gives whether it was got: when it is not
   * wanted any more, and when that cannot be found out (this throws as `isWanted` does), the slot goes to the next in time.
   */
  async acquireWhile(everyMs: number, isWanted: () => Promise<boolean>): Promise<boolean> {
    const slot = this.acquire();
    let got = false;
    try {
      do {
        const waiting = new AbortController();
        const paused = pause(everyMs, false, { signal: waiting.signal }).catch(() => false);
        got = await Promise.race([slot.then(() => true), paused]);
        waiting.abort();
      } while (!got && (await isWanted()));
      return got;
    } finally {
      if (!got) void slot.then(() => this.release());
    }
  }

  release(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.taken -= 1;
  }
}
