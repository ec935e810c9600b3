import { OPEN_GATE } from '../core/gate.js';
import { appendEvents, SERVICE } from '../ledger/append.js';
import { lockGates, saveGate } from '../store/gates.js';
import type { GateRow } from '../store/gates.js';
import { gateEvent } from './gate-event.js';
import type { Workplace } from './workplace.js';

/** Lifts whatever closes the gates of a system's provider, all of its systems; no harm when they are open. `actor` is who wants it. */
export async function resumeSystem(
  workplace: Workplace,
  systemName: string,
  actor: string,
): Promise<{ readonly kind: 'resumed' | 'not_found' }> {
  const system = workplace.systems.get(systemName);
  if (!system) return { kind: 'not_found' };
  const names = await openGates(workplace, system.provider.name, actor, () => true);
  workplace.doorbell.ring(names);
  return { kind: 'resumed' };
}

/**
 * At a start: a provider that was blocked for its credentials or its quota is tried again when its credentials are not
 * those that were refused.
 */
export async function openForNewCredentials(workplace: Workplace): Promise<void> {
  for (const provider of new Set([...workplace.systems.values()].map((system) => system.provider.name))) {
    await openGates(workplace, provider, SERVICE, ({ system, gate, credentialsDigest: refused }) => {
      const digest = workplace.system(system).credentialsDigest;
      const stuck = gate.reason === 'credentials' || gate.reason === 'quota';
      return stuck && refused !== null && digest !== null && !digest.equals(refused);
    });
  }
}

async function openGates(
  workplace: Workplace,
  provider: string,
  actor: string,
  opens: (row: GateRow) => boolean,
): Promise<string[]> {
  return workplace.database.transaction(async (tx) => {
    const opened: string[] = [];
    for (const [name, row] of await lockGates(tx, provider)) {
      if (!workplace.systems.has(name) || row.gate.reason === null || !opens(row)) continue;
      await saveGate(tx, { ...row, gate: OPEN_GATE, credentialsDigest: null });
      opened.push(name);
    }
    await appendEvents(
      tx,
      opened.map((name) => gateEvent(name, null, actor)),
    );
    return opened;
  });
}
