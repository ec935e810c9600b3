/**
 * Looks, every few seconds and by its own connection, whether due work goes anywhere. What a stuck worker must do is left
 * to whoever started it: end, and be started again.
 */
import { passage } from '../core/gate.js';
import type { Gate } from '../core/gate.js';
import { complaint, isStuck, watched } from '../core/watchdog.js';
import type { Complaint, Sight, Watch } from '../core/watchdog.js';
import { blockedSystems } from '../erasure/blocked-systems.js';
import type { ConfiguredSystem, Workplace } from '../erasure/workplace.js';
import type { Database } from '../store/database.js';
import { readGates } from '../store/gates.js';
import type { GateRow } from '../store/gates.js';
import { readStanding, waitingFor } from '../store/stalled-work.js';
import type { Deliveries } from './deliveries.js';

/** So many looks fit into the limit. */
const LOOKS = 8;
/** A look that comes later than so many times its turn says that this process, or the database, was away. */
const GAP_LOOKS = 3;

export interface Stuck {
  readonly system: string;
  readonly complaint: Complaint;
}

export class Watchdog {
  private readonly watches = new Map<string, Watch>();
  private timer: NodeJS.Timeout | null = null;
  private stopped = false;

  /**
   * @param database of one connection, that nobody else uses: the others may be what is stuck
   * @param limitMs how long due work may go nowhere; half as long again every look must show it
   * @param onStuck called once; nothing is looked at after it
   */
  constructor(
    private readonly workplace: Workplace,
    private readonly database: Database,
    private readonly deliveries: Deliveries,
    private readonly limitMs: number,
    private readonly onStuck: (stuck: Stuck) => void,
  ) {}

  start(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      void this.look().then(() => this.start());
    }, this.limitMs / LOOKS);
  }

  /** No look begins after this. */
  stop(): void {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
  }

  private async look(): Promise<void> {
    let seen: ReadonlyMap<string, Complaint | null>;
    try {
      seen = await this.complaints();
    } catch {
      // The database is away: whoever works says so in the log.
      this.watches.clear();
      return;
    }
    const nowMs = performance.now();
    for (const [system, what] of seen) {
      const watch = watched(this.watches.get(system) ?? null, what, nowMs, (GAP_LOOKS * this.limitMs) / LOOKS);
      this.watches.set(system, watch);
      if (what === null || this.stopped || !isStuck(watch, this.limitMs / 2)) continue;
      this.stop();
      this.onStuck({ system, complaint: what });
    }
  }

  private async complaints(): Promise<ReadonlyMap<string, Complaint | null>> {
    const gates = await readGates(this.database);
    const seen = new Map<string, Complaint | null>();
    for (const [name, system] of this.workplace.systems) {
      // What lingers for company is not late yet.
      const limitMs = this.limitMs + this.workplace.settings.batchLingerMs;
      seen.set(name, system.configured ? complaint(await this.sight(system, gates, limitMs), limitMs) : null);
    }
    return seen;
  }

  private async sight(system: ConfiguredSystem, gates: ReadonlyMap<string, GateRow>, limitMs: number): Promise<Sight> {
    const { name, provider } = system.system;
    const { live, overMs, quietMs } = await readStanding(this.database, name, provider.name);
    const row = gates.get(name);
    const passableMs = row === undefined ? Infinity : passableFor(row.gate, row.nowMs);
    const blocked = blockedSystems(this.workplace, gates);
    const ask = live === 0 && passableMs !== null;
    return {
      passableMs,
      waitingMs: ask ? await waitingFor(this.database, name, limitMs, blocked) : null,
      live,
      overMs,
      quietMs: system.provider.callsPerMinute === null ? null : (quietMs ?? Infinity),
      undeliveredMs: this.deliveries.undeliveredMs(name, performance.now()),
    };
  }
}

function passableFor(gate: Gate, nowMs: number): number | null {
  if (passage(gate, nowMs) === 'closed') return null;
  return gate.reason === null || gate.untilMs === null ? Infinity : nowMs - gate.untilMs;
}
