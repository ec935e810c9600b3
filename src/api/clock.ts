/** The time of day at this entrance. Everything below is told it, and tests put another in its place. */
export class Clock {
  /** Epoch milliseconds. */
  nowMs(): number {
    return Date.now();
  }
}
