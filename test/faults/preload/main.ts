/** Loaded into a service process by `--import`, before its own first line; its URL says what is to go wrong. */
import { register } from 'node:module';
import { shiftClock } from './clock.js';
import type { Disturbance } from './disturbance.js';
import { armFailpoint } from './failpoint.js';
import { failStatements } from './statement-errors.js';

const asked: Disturbance = JSON.parse(new URL(import.meta.url).searchParams.get('disturbance') ?? '{}');

if (asked.rewrites !== undefined) register('./rewrite-hooks.js', import.meta.url, { data: asked.rewrites });
if (asked.failpoint !== undefined) armFailpoint(asked.failpoint);
if (asked.clock !== undefined) shiftClock(asked.clock);
if (asked.statementErrors !== undefined) failStatements(asked.statementErrors);
if (asked.busyMs !== undefined) {
  const { busyMs } = asked;
  process.on('SIGUSR2', () => {
    for (const endMs = performance.now() + busyMs; performance.now() < endMs;);
  });
}
