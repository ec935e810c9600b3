/** The memory of an item, by which its next answer is judged. */

/** What is remembered of an item between calls. */
export interface History {
  /** Attempts spent of the budget; not every call spends one. */
  readonly spent: number;
  /** Calls in a row, in company, that came back unclear. */
  readonly strikes: number;
  /** Calls in a row that left the item unsettled: the exponent of its back-off. */
  readonly backoff: number;
  /** Clear passes of a selector so far. */
  readonly passes: number;
  /** True once any call may have deleted it without saying so. It counts for the item's whole life. */
  readonly unknownEffect: boolean;
  /** Selectors: an earlier pass reported something erased. */
  readonly erasedSeen: boolean;
  /** Selectors of tags: the sum of the counts so far; null elsewhere. */
  readonly matched: number | null;
  /** Epoch milliseconds of the first unclear call since submission or the last retry by hand, or null. */
  readonly unclearSinceMs: number | null;
}

/** Of an item that no call has carried yet. */
export const FRESH: History = {
  spent: 0,
  strikes: 0,
  backoff: 0,
  passes: 0,
  unknownEffect: false,
  erasedSeen: false,
  matched: null,
  unclearSinceMs: null,
};

/** The history alone, out of a row that holds more. */
export function historyOf(row: History): History {
  const { spent, strikes, backoff, passes, unknownEffect, erasedSeen, matched, unclearSinceMs } = row;
  return { spent, strikes, backoff, passes, unknownEffect, erasedSeen, matched, unclearSinceMs };
}

/** What a person's retry leaves of a history: a new budget, and everything that a call may have done still known. */
export function retried(history: History): History {
  return { ...history, spent: 0, strikes: 0, backoff: 0, passes: 0, unclearSinceMs: null };
}
