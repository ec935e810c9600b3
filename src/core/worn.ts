/**
 * Items that have been tried as often as allowed, and whose last call ended in silence or in a crash of ours. Such a call
 * may have been one of those that close the gate and give attempts back; only what comes after it tells. So nobody rests
 * on it: the item waits, and this is asked when it would go again.
 */

export interface WornItem {
  readonly spent: number;
  readonly attemptsMax: number;
  /** A call that spent an attempt of it is one of the silent ones in a row that may still close the gate. */
  readonly inSilentRow: boolean;
  /** Its system has answered a call, or refused one, since the last call of this item. */
  readonly answeredSince: boolean;
}

/**
 * Whether an item rests as `unconfirmed` instead of going again. Once true, nothing gives its attempts back any more. An
 * item that nobody's answer speaks against goes again: five silent calls in a row close the gate.
 */
export function restsNow(item: WornItem): boolean {
  return item.spent >= item.attemptsMax && !item.inSilentRow && item.answeredSince;
}
