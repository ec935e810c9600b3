/** Does together what comes together: one transaction for many is a fraction of the work of many transactions. */

interface Waiting<T, R> {
  readonly item: T;
  readonly done: (result: R) => void;
  readonly failed: (error: unknown) => void;
}

export class Together<T, R> {
  private readonly waiting: Waiting<T, R>[] = [];
  private working = 0;

  /** `work` gives one result for each of up to `itemsMax` items, in their order; it is never run more than `atOnce` times at once. */
  constructor(
    private readonly work: (items: readonly T[]) => Promise<readonly R[]>,
    private readonly itemsMax: number,
    private readonly atOnce = 1,
  ) {}

  /** Settles when the item's company is done. One that fails does not take its company with it: each is tried alone then. */
  do(item: T): Promise<R> {
    return new Promise<R>((done, failed) => {
      this.waiting.push({ item, done, failed });
      void this.drain();
    });
  }

  private async drain(): Promise<void> {
    if (this.working >= this.atOnce) return;
    this.working += 1;
    for (let company = this.take(); company.length > 0; company = this.take()) await this.doTogether(company);
    this.working -= 1;
  }

  private take(): Waiting<T, R>[] {
    return this.waiting.splice(0, this.itemsMax);
  }

  private async doTogether(company: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const results = await this.work(company.map((waiting) => waiting.item));
      for (const [index, result] of results.entries()) company[index]?.done(result);
    } catch (error) {
      const [only] = company;
      if (company.length === 1 && only) only.failed(error);
      else for (const waiting of company) await this.doTogether([waiting]);
    }
  }
}
