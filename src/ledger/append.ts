/** Writing events, in the transaction of what they tell of: all or nothing of both. */
import { canonicalJson } from '../core/canonical.js';
import type { JsonObject } from '../core/json.js';
import { leafHash } from '../core/merkle.js';
import type { Transaction } from '../store/database.js';
import { insertEvents, readHeads } from '../store/ledger-events.js';
import type { StreamHead, WrittenEvent } from '../store/ledger-events.js';

/** What can happen. docs/evidence.md says what each holds. */
export const EVENT_TYPES = [
  'received',
  'call',
  'retried',
  'reopened',
  'rested',
  'resolved',
  'cancelled',
  'blocked',
  'resumed',
  'released',
  'settled',
  'exported',
  'shredded',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Who acts where no caller does. */
export const SERVICE = 'service';

export interface NewEvent {
  /** The id of the request, or the name of the system whose gate it is. */
  readonly stream: string;
  readonly type: EventType;
  /** `key_…` of the caller, or SERVICE. */
  readonly actor: string;
  /** Nothing personal in clear. */
  readonly data: JsonObject;
}

/**
 * Appends events in their order, each after the last of its stream: one statement to read where the streams stand, one
 * to write. The transaction must hold the lock of every request, or gate, that it appends to.
 */
export async function appendEvents(tx: Transaction, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await appendAfter(tx, await readHeads(tx, [...new Set(events.map((event) => event.stream))]), events);
}

/** Appends events to streams whose `heads` this transaction read while it held their locks, and appended nothing to since. */
export async function appendAfter(
  tx: Transaction,
  heads: readonly StreamHead[],
  events: readonly NewEvent[],
): Promise<void> {
  if (events.length > 0) await insertEvents(tx, chained(events, heads));
}

/** Appends the first events of streams that did not exist before this transaction, at its time. */
export async function beginStreams(tx: Transaction, events: readonly NewEvent[], now: Date): Promise<void> {
  const fresh = { seq: 0, hash: null, nowMs: now.getTime() };
  const heads = events.map(({ stream }) => ({ stream, ...fresh }));
  await insertEvents(tx, chained(events, heads));
}

function chained(events: readonly NewEvent[], heads: readonly StreamHead[]): WrittenEvent[] {
  const at = new Map(heads.map(({ stream, ...head }) => [stream, head]));
  return events.map(({ stream, type, actor, data }) => {
    const head = at.get(stream);
    if (!head) throw new Error(`stream ${stream} has no head`);
    const seq = head.seq + 1;
    const prev = head.hash?.toString('base64') ?? null;
    const time = new Date(head.nowMs).toISOString();
    const body = canonicalJson({ v: 1, stream, seq, prev, at: time, actor, type, data });
    const hash = leafHash(body);
    at.set(stream, { ...head, seq, hash });
    return { stream, seq, body, hash };
  });
}
