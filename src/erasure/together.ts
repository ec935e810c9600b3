/** Does together what comes together: one transaction for many is a fraction of the work of many transactions. */

interface Waiting<T, R> {
  readonly item: T;
  readonly done: (result: R) => void;
  readonly failed: (error: unknown) => void;
}

interface Companies<T> {
  /** Of one company. */
  readonly itemsMax: number;
  /** Companies at once; 1 where none is given. */
  readonly atOnce?: number;
  /** How much of the work an item is; a company ends before it is more than `weightMax` together, or is a single one. */
  readonly weight?: (item: T) => number;
  readonly weightMax?: number;
}

export class Together<T, R> {
  private readonly waiting: Waiting<T, R>[] = [];
  private working = 0;

  /** `work` gives one result for each of a company's items, in their order. */
  constructor(
    private readonly work: (items: readonly T[]) => Promise<readonly R[]>,
    private readonly companies: Companies<T>,
  ) {}

  /** Settles when the item's company is done. One that fails does not take its company with it: each is tried alone then. */
  do(item: T): Promise<R> {
    return new Promise<R>((done, failed) => {
      this.waiting.push({ item, done, failed });
      void this.drain();
    });
  }

  private async drain(): Promise<void> {
    if (this.working >= (this.companies.atOnce ?? 1)) return;
    this.working += 1;
    for (let company = this.take(); company.length > 0; company = this.take()) await this.doTogether(company);
    this.working -= 1;
  }

  private take(): Waiting<T, R>[] {
    const { itemsMax, weight = () => 0, weightMax = 0 } = this.companies;
    let [count, sum] = [0, 0];
    for (const { item } of this.waiting.slice(0, itemsMax)) {
      sum += weight(item);
      if (count > 0 && sum > weightMax) break;
      count += 1;
    }
    return this.waiting.splice(0, count);
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
