/** What came of the requests of a period: numbers alone, nothing personal. */
import { OUTCOMES } from '../core/item.js';
import type { Outcome } from '../core/item.js';
import { STATUSES } from '../core/request.js';
import type { Database, Statement } from './database.js';

export interface SystemRates {
  readonly system: string;
  readonly items: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Each outcome's part of the items, from 0 to 1. */
  readonly rates: Readonly<Record<string, number>>;
}

/** The summary resource of the API. */
export interface SummaryResource {
  readonly from: string | null;
  readonly to: string;
  readonly issuedAt: string;
  readonly requests: {
    readonly total: number;
    readonly byStatus: Readonly<Record<string, number>>;
    readonly bySource: readonly { readonly source: string; readonly requests: number }[];
    /** Unsettled after their due date. */
    readonly overdue: number;
    /** Settled after their due date. */
    readonly settledLate: number;
  };
  /** Days of 24 hours from receipt until nothing was pending, of requests that were not cancelled; null without any. */
  readonly daysToSettle: {
    readonly requests: number;
    readonly median: number | null;
    readonly p95: number | null;
    readonly longest: number | null;
  };
  readonly systems: readonly SystemRates[];
}

export interface Period {
  /** Null: from the first request on. */
  readonly from: Date | null;
  readonly to: Date;
}

const IN_PERIOD = 'r.received_at >= $1 and r.received_at < $2';

const COUNT_REQUESTS: Statement = {
  name: 'summary-requests',
  text: `select r.status, r.source, count(*)::float8 as requests,
      count(*) filter (where r.pending > 0 and r.due_at < now())::float8 as overdue,
      count(*) filter (where r.settled_at > r.due_at)::float8 as "settledLate"
    from erasure_request r where ${IN_PERIOD} group by 1, 2 order by 1, 2`,
};
const MEASURE_DAYS: Statement = {
  name: 'summary-days',
  text: `select count(*)::float8 as requests, percentile_cont(0.5) within group (order by d.days) as median,
      percentile_cont(0.95) within group (order by d.days) as p95, max(d.days) as longest
    from erasure_request r
    cross join lateral (select greatest(extract(epoch from r.settled_at - r.received_at) / 86400, 0)::float8 as days) d
    where ${IN_PERIOD} and r.settled_at is not null and r.status <> 'cancelled'`,
};
const COUNT_OUTCOMES: Statement = {
  name: 'summary-outcomes',
  text: `select i.system, i.outcome, count(*)::float8 as items
    from erasure_request r join item i on i.request_id = r.id where ${IN_PERIOD} group by 1, 2 order by 1, 2`,
};

interface RequestRow {
  readonly status: string;
  readonly source: string;
  readonly requests: number;
  readonly overdue: number;
  readonly settledLate: number;
}
interface DaysRow {
  readonly requests: number;
  readonly median: number | null;
  readonly p95: number | null;
  readonly longest: number | null;
}
interface OutcomeRow {
  readonly system: string;
  readonly outcome: Outcome;
  readonly items: number;
}

/** What came of the requests received in [from, to), as of `now`. Systems without items in the period do not stand in it. */
export async function readSummary(database: Database, period: Period, now: Date): Promise<SummaryResource> {
  const values = [period.from ?? '-infinity', period.to];
  const [requests, days, outcomes] = await Promise.all([
    database.rows<RequestRow>(COUNT_REQUESTS, values),
    database.rows<DaysRow>(MEASURE_DAYS, values),
    database.rows<OutcomeRow>(COUNT_OUTCOMES, values),
  ]);
  const sum = (rows: readonly RequestRow[], count: (row: RequestRow) => number = (row) => row.requests): number =>
    rows.reduce((total, row) => total + count(row), 0);
  const sources = [...new Set(requests.map(({ source }) => source))].toSorted();
  return {
    from: period.from?.toISOString() ?? null,
    to: period.to.toISOString(),
    issuedAt: now.toISOString(),
    requests: {
      total: sum(requests),
      byStatus: Object.fromEntries(
        STATUSES.map((status) => [status, sum(requests.filter((row) => row.status === status))]),
      ),
      bySource: sources.map((source) => ({
        source,
        requests: sum(requests.filter((row) => row.source === source)),
      })),
      overdue: sum(requests, (row) => row.overdue),
      settledLate: sum(requests, (row) => row.settledLate),
    },
    daysToSettle: {
      requests: days[0]?.requests ?? 0,
      median: rounded(days[0]?.median),
      p95: rounded(days[0]?.p95),
      longest: rounded(days[0]?.longest),
    },
    systems: [...new Set(outcomes.map(({ system }) => system))].map((system) =>
      ratesOf(
        system,
        outcomes.filter((row) => row.system === system),
      ),
    ),
  };
}

function ratesOf(system: string, rows: readonly OutcomeRow[]): SystemRates {
  const items = rows.reduce((total, row) => total + row.items, 0);
  const countOf = (outcome: Outcome): number => rows.find((row) => row.outcome === outcome)?.items ?? 0;
  return {
    system,
    items,
    outcomes: Object.fromEntries(OUTCOMES.map((outcome) => [outcome, countOf(outcome)])),
    // Cut off, not rounded: 1 means all of them.
    rates: Object.fromEntries(OUTCOMES.map((outcome) => [outcome, Math.floor((countOf(outcome) / items) * 1e6) / 1e6])),
  };
}

/** To about a quarter of an hour. */
function rounded(days: number | null | undefined): number | null {
  return typeof days === 'number' ? Number(days.toFixed(2)) : null;
}
