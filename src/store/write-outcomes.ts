/** The one statement that writes what calls made of items. Only record-answers comes here. */
import type { Next } from '../core/item.js';
import type { Statement, Transaction } from './database.js';
import { listParameters, listsBy } from './uuid-lists.js';

/** What an item becomes. Items that become the same thing share a row of the statement's second table. */
export interface ItemChange {
  readonly requestId: string;
  readonly id: string;
  readonly next: Next;
  /** Milliseconds from now until it may go again; ignored when settled. */
  readonly delayMs: number;
  readonly suspectId: string | null;
  /** The attempt that carried it, or null for a discovered item that was only named. */
  readonly attemptId: string;
  /** True when the attempt carried the item (and did not just name it). */
  readonly carried: boolean;
  /** True when that attempt holds words about this item. */
  readonly spokenOf: boolean;
}

const WRITE_OUTCOMES: Statement = {
  name: 'write-outcomes',
  text: `update item i set
      outcome = w.outcome, evidence = w.evidence, reason = w.reason,
      spent = w.spent, strikes = w.strikes, backoff = w.backoff, passes = w.passes, matched = w.matched,
      erased_seen = w.erased_seen, unknown_effect = w.unknown_effect,
      unclear_since = to_timestamp(w.unclear_since / 1000),
      suspect_id = w.suspect_id, due_at = now() + w.delay * interval '1 millisecond',
      attempts = i.attempts + w.carried::int, last_attempt_at = case when w.carried then now() else i.last_attempt_at end,
      settled_at = case when w.outcome = 'pending' then null else now() end,
      proof_id = case when w.outcome in ('erased', 'already_absent', 'nothing_matched') then w.attempt_id else i.proof_id end,
      answer_id = case when w.spoken_of then w.attempt_id else i.answer_id end
    from unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::smallint[], $9::smallint[],
        $10::smallint[], $11::bigint[], $12::boolean[], $13::boolean[], $14::float8[], $15::uuid[], $16::float8[], $17::boolean[],
        $18::uuid[], $19::boolean[])
      as w (request_id, way, ids, outcome, evidence, reason, spent, strikes, backoff, passes, matched,
        erased_seen, unknown_effect, unclear_since, suspect_id, delay, carried, attempt_id, spoken_of)
      cross join unnest(w.ids::uuid[]) as k (id)
    where i.request_id = w.request_id and i.id = k.id
      and (i.outcome = 'pending' or (i.kind = 'discovered' and i.outcome = 'failed' and i.resolution is null and w.outcome <> 'pending'))`,
};

const SMALLINT_MAX = 32_767;

/** Writes what became of pending items, and of refused ones that a later pass of their selector named again; any other is left as it is. */
export async function writeOutcomes(tx: Transaction, changes: readonly ItemChange[]): Promise<void> {
  if (changes.length === 0) return;
  const ways: (readonly unknown[])[] = [];
  const wayOf = new Map<string, number>();
  let last = -1;
  const lists = listsBy(changes, (change) => {
    const columns = columnsOf(change);
    const before = ways[last];
    // Most become what their neighbour became.
    if (before?.every((value, at) => value === columns[at]) !== true) {
      const key = JSON.stringify(columns);
      last = wayOf.get(key) ?? ways.push(columns) - 1;
      wayOf.set(key, last);
    }
    return String(last);
  });
  await tx.run(WRITE_OUTCOMES, [
    ...listParameters(lists),
    ...COLUMNS.map((_, column) => lists.map(({ of }) => ways[Number(of[1])]?.[column])),
  ]);
}

/** The columns of the statement's second table, in its order. */
const COLUMNS = [
  'outcome',
  'evidence',
  'reason',
  'spent',
  'strikes',
  'backoff',
  'passes',
  'matched',
  'erased_seen',
  'unknown_effect',
  'unclear_since',
  'suspect_id',
  'delay',
  'carried',
  'attempt_id',
  'spoken_of',
] as const;

function columnsOf({ next, delayMs, suspectId, attemptId, carried, spokenOf }: ItemChange): readonly unknown[] {
  return [
    next.outcome,
    next.evidence,
    next.reason,
    next.spent,
    Math.min(next.strikes, SMALLINT_MAX),
    Math.min(next.backoff, SMALLINT_MAX),
    Math.min(next.passes, SMALLINT_MAX),
    next.matched,
    next.erasedSeen,
    next.unknownEffect,
    next.unclearSinceMs,
    next.outcome === 'pending' ? suspectId : null,
    delayMs,
    carried,
    attemptId,
    spokenOf,
  ];
}
