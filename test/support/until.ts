import { setTimeout as pause } from 'node:timers/promises';

const FIRST_PAUSE_MS = 15;
/** What is not there soon is asked for more and more rarely: a question to the service costs as much as its work. */
const PAUSE_GROWTH = 1.4;
const PAUSE_MAX_MS = 150;
/** Nor may those who ask keep a busy machine from the work: they pause so many times as long as an answer took. */
const PAUSE_PER_ANSWER = 2;
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
  const deadlineMs = performance.now() + withinMs;
  for (let pauseMs = FIRST_PAUSE_MS; ;) {
    const askedMs = performance.now();
    const answer = probe();
    const found = await answer;
    const tookMs = performance.now() - askedMs;
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) {
      const stood = state === undefined ? '' : `\n${JSON.stringify(await state(), null, 1)}`;
      throw new Error(`waited ${withinMs} ms for ${what}, in vain${stood}`);
    }
    await pause(Math.max(pauseMs, PAUSE_PER_ANSWER * tookMs));
    // A look at our own memory costs nothing, and may be for what soon passes.
    if (answer instanceof Promise) pauseMs = Math.min(pauseMs * PAUSE_GROWTH, PAUSE_MAX_MS);
  }
}
