import { setTimeout as pause } from 'node:timers/promises';

const POLL_EVERY_MS = 15;
const WITHIN_MS = 20_000;

/**
 * Asks `probe` again and again until it gives something other than undefined, and gives that. Throws when `withinMs` are
 * over: `what` says then what was waited for, and `state`, if given, what stood there instead.
 */
export async function until<Found>(
  what: string,
  probe: () => Promise<Found | undefined> | Found | undefined,
  { withinMs = WITHIN_MS, state }: { withinMs?: number; state?: () => Promise<unknown> } = {},
): Promise<Found> {
  for (const deadlineMs = performance.now() + withinMs; ;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) {
      const stood = state === undefined ? '' : `\n${JSON.stringify(await state(), null, 1)}`;
      throw new Error(`waited ${withinMs} ms for ${what}, in vain${stood}`);
    }
    await pause(POLL_EVERY_MS);
  }
}
