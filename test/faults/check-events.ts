/** The part of I8 that holds the ledger against the history: what changed has its event in the same transaction, and the reverse. */
import type { EventRow, Evidence } from './evidence.js';

interface Told {
  readonly event: EventRow;
  readonly type: string;
  readonly data: Data;
}
/** What events hold, as far as it is looked at here. */
interface Data {
  readonly attempt?: string;
  readonly verdict?: string;
  readonly late?: boolean;
  readonly reason?: string | null;
  readonly status?: string;
  readonly counts?: Readonly<Record<string, number>>;
  /** Of what was retried, reopened or rested. */
  readonly items?: readonly string[];
  readonly results?: readonly { readonly outcome: string | null; readonly items: readonly (readonly [string])[] }[];
}

/** A line for every change without its event, and for every event without its change. */
export function checkEvents(evidence: Evidence): string[] {
  const { history, ledger, items, attempts, steeredByHand } = evidence;
  const told = ledger.events.map((event): Told => ({ event, ...(JSON.parse(event.body) as Omit<Told, 'event'>) }));
  const requestOf = new Map(items.map((item) => [item.id, item.requestId]));
  const carried = new Map(attempts.map((attempt) => [attempt.id, attempt.itemIds]));

  const changed: string[] = [];
  for (const { requestId, tx } of history.receipts) changed.push(place(requestId, tx, 'received'));
  for (const { requestId, after, tx } of history.settlings) {
    if (after !== null) changed.push(place(requestId, tx, 'settled'));
  }
  for (const { itemId, after, tx } of history.outcomes) {
    changed.push(place(requestOf.get(itemId) ?? 'no request', tx, `item ${itemId} became ${after}`));
  }
  for (const { attemptId, verdict, tx } of history.ends) {
    for (const requestId of new Set((carried.get(attemptId) ?? []).flatMap((id) => requestOf.get(id) ?? []))) {
      // An item that was cancelled while its call was lost has nothing more to tell of the call.
      if (steeredByHand.has(requestId) && verdict === 'interrupted') continue;
      changed.push(place(requestId, tx, `attempt ${attemptId} ended, ${verdict}`));
    }
  }
  for (const { system, reason, tx } of history.gates) changed.push(place(system, tx, `gate ${reason}`));

  const said = told.flatMap(whatIsSaid);
  return [
    ...missing(changed, said).map((what) => `${what}: no event of the same transaction says so`),
    ...missing(said, changed)
      .filter((what) => !steeredByHand.has(what.slice(0, what.indexOf(' '))) || !what.endsWith(', interrupted'))
      .map((what) => `${what}: an event says so, and it did not happen in its transaction`),
    ...lastCounts(told, evidence),
  ];
}

function place(stream: string, tx: string | null, what: string): string {
  return `${stream} in transaction ${tx ?? 'unknown'}: ${what}`;
}

/** What an event says that changed. A call that left an item pending changed nothing of it. */
function whatIsSaid({ event: { stream, tx }, type, data }: Told): string[] {
  const at = (what: string): string => place(stream, tx, what);
  const became = (ids: readonly string[], outcome: string): string[] =>
    ids.map((id) => at(`item ${id} became ${outcome}`));
  const results = (data.results ?? []).flatMap(({ outcome, items }) =>
    outcome === null || outcome === 'pending'
      ? []
      : became(
          items.map(([id]) => id),
          outcome,
        ),
  );
  switch (type) {
    case 'received':
    case 'settled':
      return [at(type)];
    case 'call':
      return data.late === true ? [] : [at(`attempt ${data.attempt} ended, ${data.verdict}`), ...results];
    case 'cancelled':
      return results;
    case 'retried':
    case 'reopened':
      return became(data.items ?? [], 'pending');
    case 'rested':
      return became(data.items ?? [], 'unconfirmed');
    case 'blocked':
    case 'resumed':
      return [at(`gate ${data.reason ?? null}`)];
    default:
      return [];
  }
}

/** Those of the first that the second has not, as often as they stand there. */
function missing(wanted: readonly string[], there: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const one of there) left.set(one, (left.get(one) ?? 0) + 1);
  return wanted.filter((one) => {
    const count = left.get(one) ?? 0;
    left.set(one, count - 1);
    return count < 1;
  });
}

/** What a settled request's last `settled` says is what the request says of itself. */
function lastCounts(told: readonly Told[], { requests }: Evidence): string[] {
  const last = new Map<string, Data>();
  for (const { event, type, data } of told.toSorted((a, b) => a.event.seq - b.event.seq)) {
    if (type === 'settled') last.set(event.stream, data);
  }
  return requests.flatMap(({ id, status, settledMs, counts }) => {
    const { status: said, counts: claimed = {} } = last.get(id) ?? {};
    if (settledMs === null) return [];
    const other = Object.keys(counts).filter((name) => name !== 'pending' && (claimed[name] ?? 0) !== counts[name]);
    if (said !== status) return [`request ${id} is ${status}, and its last event of settling says ${said}`];
    return other.map((name) => `request ${id} has ${counts[name]} ${name}, and its ledger says ${claimed[name]}`);
  });
}
