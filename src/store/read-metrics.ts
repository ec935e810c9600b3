/** What the metrics show of the database: numbers by system, outcome and status, nothing personal. */
import type { Database, Statement } from './database.js';
import { countUnsealed } from './ledger-events.js';
import { readClosedGates } from './read-systems.js';

export interface MetricsSnapshot {
  readonly itemsTotal: readonly { readonly system: string; readonly outcome: string; readonly count: number }[];
  readonly pending: readonly { readonly system: string; readonly count: number }[];
  readonly oldestDueSeconds: readonly { readonly system: string; readonly seconds: number }[];
  readonly gates: readonly { readonly system: string; readonly reason: string }[];
  readonly requests: readonly { readonly status: string; readonly count: number }[];
  readonly held: number;
  readonly overdue: number;
  readonly dueSoon: number;
  readonly unsealedEvents: number;
}

const COUNT_ITEMS: Statement = {
  name: 'count-items',
  text: 'select system, outcome, count(*)::float8 as count from item group by 1, 2',
};
/** Unclaimed and past its time, and not held; what waits for its turn or for a gate waits too. */
const OLDEST_DUE: Statement = {
  name: 'oldest-due',
  text: `select g.system, coalesce(extract(epoch from now() - (
      select min(i.due_at) from item i where i.system = g.system and i.outcome = 'pending' and not i.held and i.due_at <= now()
        and not exists (select from claim c where c.request_id = i.request_id and c.item_id = i.id))), 0)::float8 as seconds
    from gate g order by g.system`,
};
const COUNT_REQUESTS: Statement = {
  name: 'count-requests',
  text: `select status, count(*)::float8 as count from erasure_request group by 1`,
};
const COUNT_HELD: Statement = {
  name: 'count-held',
  text: 'select count(*)::float8 as held from erasure_request where held is not null',
};
const COUNT_DEADLINES: Statement = {
  name: 'count-deadlines',
  text: `select count(*) filter (where due_at < now())::float8 as overdue,
      count(*) filter (where due_at >= now() and due_at < now() + interval '7 days')::float8 as "dueSoon"
    from erasure_request where pending > 0`,
};

/** Everything that the metrics show of the database, read now. */
export async function readMetrics(database: Database): Promise<MetricsSnapshot> {
  const [itemsTotal, oldestDueSeconds, gates, requests, held, deadlines, unsealedEvents] = await Promise.all([
    database.rows<{ system: string; outcome: string; count: number }>(COUNT_ITEMS),
    database.rows<{ system: string; seconds: number }>(OLDEST_DUE),
    readClosedGates(database),
    database.rows<{ status: string; count: number }>(COUNT_REQUESTS),
    database.rows<{ held: number }>(COUNT_HELD),
    database.rows<{ overdue: number; dueSoon: number }>(COUNT_DEADLINES),
    countUnsealed(database),
  ]);
  return {
    itemsTotal,
    pending: itemsTotal.filter((row) => row.outcome === 'pending').map(({ system, count }) => ({ system, count })),
    oldestDueSeconds,
    gates: gates.map(({ system, reason }) => ({ system, reason })),
    requests,
    held: held[0]?.held ?? 0,
    overdue: deadlines[0]?.overdue ?? 0,
    dueSoon: deadlines[0]?.dueSoon ?? 0,
    unsealedEvents,
  };
}
