/** Records answers together that came together. */
import type { FinishedCall } from './finished-call.js';
import { recordAnswers } from './record-answers.js';
import { Together } from './together.js';
import type { Workplace } from './workplace.js';

const CALLS_TOGETHER_MAX = 8;

export class Recorder {
  private readonly calls: Together<FinishedCall, undefined>;

  constructor(workplace: Workplace) {
    this.calls = new Together(
      async (calls) => {
        await recordAnswers(workplace, calls);
        return calls.map(() => undefined);
      },
      { itemsMax: CALLS_TOGETHER_MAX },
    );
  }

  /** Settles when the call's answers are committed. Rejects only when the database is away. */
  async record(call: FinishedCall): Promise<void> {
    await this.calls.do(call);
  }
}
