/** How the systems and the work stand, for people and for metrics. Nothing personal in it. */
import type { Database, Statement } from './database.js';

export interface GateResource {
  readonly system: string;
  readonly reason: string;
  readonly since: string;
  /** When it opens by itself (`rate`) or is probed next; null where only a person opens it. */
  readonly until: string | null;
}

const CLOSED_GATES: Statement = {
  name: 'closed-gates',
  text: `select system, reason, since, until from gate
    where reason is not null and not (reason = 'rate' and until <= now()) order by system`,
};

/** The gates that are closed now. */
export async function readClosedGates(database: Database): Promise<GateResource[]> {
  const rows = await database.rows<{ system: string; reason: string; since: Date; until: Date | null }>(CLOSED_GATES);
  return rows.map(({ system, reason, since, until }) => ({
    system,
    reason,
    since: since.toISOString(),
    until: until?.toISOString() ?? null,
  }));
}

/** What is set for one system, as the caller knows it. */
export interface SystemSettings {
  readonly system: { readonly name: string; readonly title: string };
  readonly provider: { readonly name: string; readonly concurrency: number; readonly callsPerMinute: number | null };
  readonly configured: boolean;
  readonly idsPerCall: number;
}

/** The system resource of the API. */
export interface SystemResource {
  readonly system: string;
  readonly title: string;
  readonly provider: string;
  readonly configured: boolean;
  readonly limits: {
    readonly idsPerCall: number;
    readonly concurrency: number;
    readonly callsPerMinute: number | null;
  };
  readonly pending: number;
  readonly gate: {
    readonly state: 'open' | 'closed';
    readonly reason: string | null;
    readonly since: string | null;
    readonly until: string | null;
  };
}

const COUNT_PENDING: Statement = {
  name: 'count-pending',
  text: `select system, sum(n)::float8 as count from (
      select system, count(*) as n from item where outcome = 'pending' and not held group by 1
      union all select system, count(*) from item where held group by 1) p group by 1`,
};

/** Every registered system, its limits, what waits there and what closes its gate. */
export async function listSystems(
  database: Database,
  systems: ReadonlyMap<string, SystemSettings>,
): Promise<SystemResource[]> {
  const gates = new Map((await readClosedGates(database)).map((gate) => [gate.system, gate]));
  const counts = await database.rows<{ system: string; count: number }>(COUNT_PENDING);
  const pending = new Map(counts.map((row) => [row.system, row.count]));
  return [...systems.values()].map(({ system, provider, configured, idsPerCall }) => {
    const gate = gates.get(system.name);
    return {
      system: system.name,
      title: system.title,
      provider: provider.name,
      configured,
      limits: { idsPerCall, concurrency: provider.concurrency, callsPerMinute: provider.callsPerMinute },
      pending: pending.get(system.name) ?? 0,
      gate: {
        state: gate ? 'closed' : 'open',
        reason: gate?.reason ?? null,
        since: gate?.since ?? null,
        until: gate?.until ?? null,
      },
    };
  });
}
