/** Records answers together that came together: one transaction for many calls is a fraction of the work of many. */
import { recordAnswers } from './record-answers.js';
import type { FinishedCall } from './finished-call.js';
import type { Workplace } from './workplace.js';

const CALLS_TOGETHER_MAX = 8;

interface Waiting {
  readonly call: FinishedCall;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export class Recorder {
  private readonly waiting: Waiting[] = [];
  private writing = 0;

  constructor(private readonly workplace: Workplace) {}

  /** Settles when the call's answers are committed. Rejects only when the database is away. */
  async record(call: FinishedCall): Promise<void> {
    await new Promise<void>((done, failed) => {
      this.waiting.push({ call, done, failed });
      void this.write();
    });
  }

  private async write(): Promise<void> {
    if (this.writing > 0) return;
    this.writing += 1;
    for (let batch = this.take(); batch.length > 0; batch = this.take()) await this.writeTogether(batch);
    this.writing -= 1;
  }

  private take(): Waiting[] {
    return this.waiting.splice(0, CALLS_TOGETHER_MAX);
  }

  /** A call that cannot be recorded must not take its company with it: then each is tried by itself. */
  private async writeTogether(batch: readonly Waiting[]): Promise<void> {
    try {
      await recordAnswers(
        this.workplace,
        batch.map((waiting) => waiting.call),
      );
      for (const waiting of batch) waiting.done();
    } catch (error) {
      const [only] = batch;
      if (batch.length === 1 && only) only.failed(error);
      else for (const waiting of batch) await this.writeTogether([waiting]);
    }
  }
}
