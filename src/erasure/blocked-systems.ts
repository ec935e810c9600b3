import { passage } from '../core/gate.js';
import type { GateRow } from '../store/gates.js';
import type { Workplace } from './workplace.js';

/** The systems that take no calls now and do not say when they will: what waits for them may have to go first. */
export function blockedSystems(workplace: Workplace, gates: ReadonlyMap<string, GateRow>): string[] {
  // A pause of seconds or an hour blocks nobody: what waits for it is as good as under way.
  const closed = [...gates.values()]
    .filter(({ gate, nowMs }) => gate.reason !== 'rate' && passage(gate, nowMs) !== 'open')
    .map((row) => row.system);
  const missing = [...workplace.systems.values()]
    .filter((other) => !other.configured)
    .map((other) => other.system.name);
  return [...new Set([...closed, ...missing])];
}
