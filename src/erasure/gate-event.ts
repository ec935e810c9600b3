import type { GateReason } from '../core/gate.js';
import type { NewEvent } from '../ledger/append.js';

/** The event of a gate that now stands so, in the stream of its system. The gate must be locked. */
export function gateEvent(system: string, reason: GateReason | null, actor: string): NewEvent {
  return { stream: system, type: reason === null ? 'resumed' : 'blocked', actor, data: { reason } };
}
