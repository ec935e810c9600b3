/** Says that a queue is in trouble: at once, and then at most every half minute, however often it is told. */
import type { Log } from '../erasure/workplace.js';
import { errorName } from './dispatcher.js';

const SAY_EVERY_MS = 30_000;

interface Said {
  readonly error: string;
  readonly atMs: number;
  readonly untold: number;
}

export class Troubles {
  private readonly said = new Map<string, Said>();

  constructor(
    private readonly log: Log,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** A queue met an error. With the database away each of its workers meets one ten times a second. */
  tell(queue: string, cause: unknown): void {
    const error = errorName(cause);
    const last = this.said.get(queue);
    const nowMs = this.nowMs();
    if (last?.error === error && nowMs < last.atMs + SAY_EVERY_MS) {
      this.said.set(queue, { ...last, untold: last.untold + 1 });
      return;
    }
    this.said.set(queue, { error, atMs: nowMs, untold: 0 });
    const untold = last?.untold ?? 0;
    this.log.warn({ queue, error, ...(untold > 0 ? { untold } : {}) }, 'the queue is in trouble');
  }
}
