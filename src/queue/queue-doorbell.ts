import type { Doorbell } from '../erasure/workplace.js';

/**
 * The doorbell that the verbs ring. It is made before the queue that answers it; what is rung until then is found by the
 * first tick.
 */
export class QueueDoorbell implements Doorbell {
  private answer: ((systems: readonly string[]) => void) | null = null;

  /** From now on a ring calls `answer`, which must not throw. */
  answeredBy(answer: (systems: readonly string[]) => void): void {
    this.answer = answer;
  }

  ring(systems: readonly string[]): void {
    if (systems.length > 0) this.answer?.(systems);
  }
}
