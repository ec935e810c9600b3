/** A process whose wall clock is wrong. Its timers and `performance.now()` are not: no machine's run backwards. */
export function shiftClock({
  offsetMs,
  stepEveryMs,
}: {
  readonly offsetMs: number;
  readonly stepEveryMs?: number;
}): void {
  const RealDate = Date;
  const wrong = (): number => {
    if (stepEveryMs === undefined) return RealDate.now() + offsetMs;
    return RealDate.now() + (Math.floor(performance.now() / stepEveryMs) % 2 === 0 ? offsetMs : -offsetMs);
  };
  class WrongDate extends RealDate {
    constructor(...given: readonly unknown[]) {
      super(...((given.length === 0 ? [wrong()] : given) as [number]));
    }
    static override now(): number {
      return wrong();
    }
  }
  globalThis.Date = WrongDate as DateConstructor;
}
