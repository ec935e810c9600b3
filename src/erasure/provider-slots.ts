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

  release(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.taken -= 1;
  }
}
