/**
 * What the queue brought to this process. A worker of BullMQ can be dead without an error; then batches come back untaken
 * to the dispatcher, which runs them itself, and nobody would know.
 */

/** Batches come back within 18 s, or later where the dispatcher is slow; what lies further apart is not the same trouble. */
const SAME_TROUBLE_MS = 90_000;

interface Seen {
  active: number;
  /** Of the row of batches that came back, with nothing brought in between: the first and the last, monotonic. */
  first: number | null;
  last: number;
}

export class Deliveries {
  private readonly systems = new Map<string, Seen>();

  /** The queue brought a job. */
  began(system: string): void {
    const seen = this.of(system);
    seen.active += 1;
    seen.first = null;
  }

  ended(system: string): void {
    this.of(system).active -= 1;
  }

  /** A batch was rung as often as may be, and taken up by nobody. `nowMs` is of a clock that never goes back. */
  cameBack(system: string, nowMs: number): void {
    const seen = this.of(system);
    if (seen.first === null || nowMs - seen.last > SAME_TROUBLE_MS) seen.first = nowMs;
    seen.last = nowMs;
  }

  /**
   * Over how many milliseconds batches came back while this process had nothing to do and was brought nothing, or null.
   * Where all its jobs wait for a slow provider, the others come back too, and rightly.
   */
  undeliveredMs(system: string, nowMs: number): number | null {
    const { active, first, last } = this.of(system);
    return active > 0 || first === null || nowMs - last > SAME_TROUBLE_MS ? null : last - first;
  }

  private of(system: string): Seen {
    const known = this.systems.get(system);
    if (known) return known;
    const made = { active: 0, first: null, last: 0 };
    this.systems.set(system, made);
    return made;
  }
}
