/** Which due items go out together. Pure: the same items at the same moment give the same batches. */

/** A pending item that may be sent now, as the planner sees it. */
export interface DueItem {
  readonly requestId: string;
  readonly id: string;
  /** Only items of one lane may share a call: same system, same scope. A selector has a lane of its own. */
  readonly lane: string;
  /** Equal for the same ID asked by several requests: it stands once in a call. */
  readonly digest: string;
  /** When its request must be done, epoch milliseconds. */
  readonly deadlineMs: number;
  /** Since when it may be sent, epoch milliseconds. */
  readonly dueMs: number;
  /** Items of a call that was refused or unclear are sent again in exactly this company, or null. */
  readonly suspectId: string | null;
  /** A selector never has company to wait for. */
  readonly selects: boolean;
}

export interface PlannedBatch {
  readonly items: readonly DueItem[];
  /** How many different IDs the call will name. */
  readonly distinct: number;
}

export interface Plan {
  readonly batches: readonly PlannedBatch[];
  /** When the first batch that still waits for company is ripe, epoch milliseconds; null when none waits. */
  readonly wakeMs: number | null;
}

export interface PlanLimits {
  readonly nowMs: number;
  /** How long a batch that is not full waits for company. */
  readonly lingerMs: number;
  /** Different IDs a call. */
  readonly idsMax: number;
  /** Batches that may be handed out now. */
  readonly room: number;
}

/** Groups due items into calls, earliest deadline first, at most `room` of them. Every item stands in at most one batch. */
export function planBatches(due: readonly DueItem[], limits: PlanLimits): Plan {
  const companies = new Map<string, DueItem[]>();
  for (const item of [...due].sort(byDeadline)) {
    const key = item.suspectId === null ? `lane ${item.lane}` : `suspects ${item.suspectId}`;
    const company = companies.get(key);
    if (company) company.push(item);
    else companies.set(key, [item]);
  }
  const ripe: PlannedBatch[] = [];
  let wakeMs: number | null = null;
  for (const company of companies.values()) {
    for (const batch of cut(company, limits.idsMax)) {
      const ripeMs = ripeAt(batch, limits);
      if (ripeMs <= limits.nowMs) ripe.push(batch);
      else wakeMs = Math.min(wakeMs ?? ripeMs, ripeMs);
    }
  }
  ripe.sort((a, b) => firstDeadline(a) - firstDeadline(b));
  return { batches: ripe.slice(0, Math.max(limits.room, 0)), wakeMs };
}

function cut(company: readonly DueItem[], idsMax: number): PlannedBatch[] {
  const batches: PlannedBatch[] = [];
  const place = new Map<string, DueItem[]>();
  let open: DueItem[] = [];
  let distinct = 0;
  for (const item of company) {
    const same = place.get(item.digest);
    if (same) {
      same.push(item);
      continue;
    }
    if (distinct === idsMax) {
      batches.push({ items: open, distinct });
      open = [];
      distinct = 0;
    }
    open.push(item);
    place.set(item.digest, open);
    distinct += 1;
  }
  if (distinct > 0) batches.push({ items: open, distinct });
  return batches;
}

function ripeAt(batch: PlannedBatch, limits: PlanLimits): number {
  const alone = batch.items.some((item) => item.selects || item.suspectId !== null);
  if (alone || batch.distinct >= limits.idsMax) return limits.nowMs;
  return batch.items.reduce((first, item) => Math.min(first, item.dueMs), Infinity) + limits.lingerMs;
}

function firstDeadline(batch: PlannedBatch): number {
  return batch.items[0]?.deadlineMs ?? Infinity;
}

function byDeadline(a: DueItem, b: DueItem): number {
  return a.deadlineMs - b.deadlineMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** Halves a company by different IDs, so that one bad ID among n is found in at most 2·⌈log2 n⌉ + 1 calls. */
export function halves<T extends { readonly digest: string }>(
  company: readonly T[],
): readonly [readonly T[], readonly T[]] {
  const digests = [...new Set(company.map((item) => item.digest))];
  const first = new Set(digests.slice(0, Math.ceil(digests.length / 2)));
  return [company.filter((item) => first.has(item.digest)), company.filter((item) => !first.has(item.digest))];
}
