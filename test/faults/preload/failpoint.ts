/** A process that kills itself at a named place, as `kill -9` would, and leaves one line that says so. */
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import { AFTER_SEND, FAILPOINT_LINE } from './disturbance.js';

/** Long enough for the bytes to arrive, shorter than any answer of the sandbox. */
const ON_THE_WAY_MS = 30;

export function armFailpoint(armed: { readonly name: string; readonly hit: number }): void {
  let hits = 0;
  const reached = (name: string): void => {
    if (name !== armed.name) return;
    hits += 1;
    if (hits === armed.hit) die(name);
  };
  Object.assign(globalThis, { reachedFailpoint: reached });
  if (armed.name === AFTER_SEND) {
    subscribe('undici:request:bodySent', () => {
      setTimeout(() => reached(AFTER_SEND), ON_THE_WAY_MS);
    });
  }
}

function die(name: string): void {
  writeSync(1, `\n${FAILPOINT_LINE}${name}\n`);
  process.kill(process.pid, 'SIGKILL');
  for (;;);
}
