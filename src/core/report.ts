/**
 * The audit report of one request: what was read, put into the order in which a person asks for it. Pure: whoever reads
 * the database or prints a page does so elsewhere. Fields of what this service does not do (approvals, checks of
 * identity, notices to recipients) are left out rather than guessed.
 */
import type { Kind, Outcome } from './item.js';
import { conclusionOf, DUE_RULE, HOW_TO_VERIFY, LIMITS, NO_CHECKPOINT, warningMeaning } from './report-words.js';

/** Names the form of the report; a form that changes gets another. */
export const REPORT_FORMAT = 'expunge-request-report/1';

const DAY_MS = 24 * 60 * 60 * 1000;

/** A request as it is read for its report. Times are RFC 3339 in UTC; personal values are null once shredded. */
export interface RequestRead {
  readonly id: string;
  readonly status: string;
  readonly subject: { readonly ref: string } | null;
  readonly source: string;
  readonly actor: string;
  readonly receivedAt: string;
  readonly dueAt: string;
  readonly createdAt: string;
  readonly settledAt: string | null;
  readonly shreddedAt: string | null;
  readonly blockedBy: readonly { readonly system: string; readonly reason: string; readonly since: string }[];
  readonly warnings: readonly { readonly code: string; readonly system: string; readonly at: string }[];
}

/** How many items of one system, kind and outcome there are, and how many of them a person closed. */
export interface ItemsRead {
  readonly system: string;
  readonly kind: Kind;
  readonly outcome: Outcome;
  readonly items: number;
  readonly resolved: number;
}

/** The calls of one system and verdict that carried items of the request; null while a call is under way. */
export interface CallsRead {
  readonly system: string;
  readonly verdict: string | null;
  readonly calls: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/** The signed head of the log that holds the record of the request. */
export interface Checkpoint {
  readonly treeSize: number;
  /** Base64. */
  readonly root: string;
  /** The signed note, whole. */
  readonly checkpoint: string;
  readonly keyId: string;
}

export interface ReportRead {
  readonly request: RequestRead;
  readonly items: readonly ItemsRead[];
  readonly calls: readonly CallsRead[];
  /** What each system is called. */
  readonly titles: ReadonlyMap<string, string>;
  readonly integrity: Checkpoint | null;
}

export interface SystemSummary {
  readonly system: string;
  readonly title: string;
  readonly items: number;
  readonly kinds: Readonly<Record<Kind, number>>;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly resolvedByHand: number;
  readonly calls: number;
  readonly callsByVerdict: Readonly<Record<string, number>>;
  readonly firstCallAt: string | null;
  readonly lastCallAt: string | null;
}

/** All of a report but its lists. */
export interface ReportHead {
  readonly format: typeof REPORT_FORMAT;
  readonly issuedAt: string;
  /** True while something is pending: what stands here can still change. */
  readonly interim: boolean;
  /** What it comes to, in sentences; never more than the items say. */
  readonly conclusion: readonly string[];
  readonly request: Omit<RequestRead, 'blockedBy' | 'warnings' | 'dueAt'>;
  readonly deadline: {
    readonly dueAt: string;
    readonly rule: string;
    /** Unsettled after its due date. */
    readonly overdue: boolean;
    /** Settled by its due date; null while that is open. */
    readonly inTime: boolean | null;
    /** Calendar days in UTC from receipt until it settled, or until now; the day of receipt is not counted. */
    readonly daysUsed: number;
    /** Calendar days until the due date, negative after it; null once settled. */
    readonly daysLeft: number | null;
  };
  readonly counts: Readonly<Record<Outcome | 'total' | 'resolvedByHand', number>>;
  readonly systems: readonly SystemSummary[];
  readonly warnings: readonly (RequestRead['warnings'][number] & { readonly meaning: string })[];
  readonly blockedBy: RequestRead['blockedBy'];
  readonly limits: readonly string[];
  readonly integrity: { readonly [Field in keyof Checkpoint]: Checkpoint[Field] | null } & { readonly verify: string };
}

/** One item in a report. The provider's own words and ids are not repeated in it. */
export interface ReportItem {
  readonly id: string;
  readonly system: string;
  readonly kind: string;
  readonly externalId: string | null;
  readonly scope: Readonly<Record<string, string | readonly string[]>> | null;
  readonly outcome: string;
  readonly evidence: string | null;
  readonly reason: string | null;
  readonly matched: number | null;
  readonly selectorId: string | null;
  readonly attempts: number;
  readonly lastAttemptAt: string | null;
  readonly settledAt: string | null;
  readonly resolution: string | null;
  readonly resolutionReason: string | null;
  readonly resolvedBy: string | null;
  readonly resolvedAt: string | null;
}

/** One provider call in a report. */
export interface ReportAttempt {
  readonly id: string;
  readonly system: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly verdict: string | null;
  readonly httpStatus: number | null;
  readonly providerCount: number | null;
  readonly responseSha256: string | null;
  readonly ids: number;
  readonly items: number;
  readonly late: boolean;
}

/** `open`: everything that no answer proves to be gone. `proven`: the rest. `resolved`: what a person closed. */
export type ItemSelection = 'all' | 'open' | 'proven' | 'resolved';

/** The lists of a report, of any length: read in pages while they are written. */
export interface ReportLists {
  /** `system`: of that one alone. */
  items(which: ItemSelection, system?: string): AsyncIterable<readonly ReportItem[]>;
  attempts(): AsyncIterable<readonly ReportAttempt[]>;
}

/** The report as of `now`. */
export function reportHead(read: ReportRead, now: Date): ReportHead {
  const { request, integrity } = read;
  const { blockedBy, warnings, dueAt, ...about } = request;
  const counts = { ...countsOf(read.items), total: total(read.items), resolvedByHand: resolved(read.items) };
  const interim = request.settledAt === null || counts.pending > 0;
  const endMs = interim || request.settledAt === null ? now.getTime() : Date.parse(request.settledAt);
  const dueMs = Date.parse(dueAt);
  const isLate = endMs > dueMs;
  return {
    format: REPORT_FORMAT,
    issuedAt: now.toISOString(),
    interim,
    conclusion: conclusionOf(counts, interim, warnings.length),
    request: about,
    deadline: {
      dueAt,
      rule: DUE_RULE,
      overdue: interim && isLate,
      inTime: isLate ? false : interim ? null : true,
      daysUsed: Math.max(0, daysBetween(Date.parse(request.receivedAt), endMs)),
      daysLeft: interim ? daysBetween(now.getTime(), dueMs) : null,
    },
    counts,
    systems: systemsOf(read),
    warnings: warnings.map((warning) => ({ ...warning, meaning: warningMeaning(warning.code) })),
    blockedBy,
    limits: LIMITS,
    integrity:
      integrity === null
        ? { treeSize: null, root: null, checkpoint: null, keyId: null, verify: NO_CHECKPOINT }
        : { ...integrity, verify: HOW_TO_VERIFY },
  };
}

function systemsOf({ items, calls, titles }: ReportRead): SystemSummary[] {
  const names = new Set([...items, ...calls].map(({ system }) => system));
  return [...names].toSorted().map((system) => {
    const own = items.filter((row) => row.system === system);
    const made = calls.filter((row) => row.system === system);
    const firstMs = made.map(({ firstAt }) => firstAt.getTime());
    const lastMs = made.map(({ lastAt }) => lastAt.getTime());
    return {
      system,
      title: titles.get(system) ?? system,
      items: total(own),
      kinds: { id: ofKind(own, 'id'), selector: ofKind(own, 'selector'), discovered: ofKind(own, 'discovered') },
      outcomes: countsOf(own),
      resolvedByHand: resolved(own),
      calls: made.reduce((sum, row) => sum + row.calls, 0),
      callsByVerdict: Object.fromEntries(made.map((row) => [row.verdict ?? 'under_way', row.calls])),
      firstCallAt: made.length === 0 ? null : new Date(Math.min(...firstMs)).toISOString(),
      lastCallAt: made.length === 0 ? null : new Date(Math.max(...lastMs)).toISOString(),
    };
  });
}

function countsOf(rows: readonly ItemsRead[]): Record<Outcome, number> {
  const of = (outcome: Outcome): number => total(rows.filter((row) => row.outcome === outcome));
  return {
    pending: of('pending'),
    erased: of('erased'),
    already_absent: of('already_absent'),
    nothing_matched: of('nothing_matched'),
    unconfirmed: of('unconfirmed'),
    failed: of('failed'),
    cancelled: of('cancelled'),
  };
}
const total = (rows: readonly ItemsRead[]): number => rows.reduce((sum, row) => sum + row.items, 0);
const resolved = (rows: readonly ItemsRead[]): number => rows.reduce((sum, row) => sum + row.resolved, 0);
const ofKind = (rows: readonly ItemsRead[], kind: Kind): number => total(rows.filter((row) => row.kind === kind));

/** From the calendar day of one time to that of another, in UTC. */
function daysBetween(fromMs: number, toMs: number): number {
  return Math.floor(toMs / DAY_MS) - Math.floor(fromMs / DAY_MS);
}
