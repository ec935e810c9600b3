/** A request's events as server-sent events: those that are there, and then each as it comes. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '../store/database.js';
import { readStream } from '../store/ledger-events.js';
import { eventResource } from '../store/read-events.js';

const LOOK_EVERY_MS = 500;
/** A comment now and then, so that nobody between takes the connection for dead. */
const QUIET_LOOKS_MAX = 30;
const PAGE_EVENTS = 200;

/** The last seq that a client has seen, as it says in Last-Event-ID; 0 for none. */
export function lastEventId(header: string | undefined): number {
  return header !== undefined && /^[1-9]\d{0,8}$/.test(header) ? Number(header) : 0;
}

/** The text of the stream, from the event after `afterSeq` on, until the signal or the reader ends it. */
export async function* eventStream(
  database: Database,
  requestId: string,
  afterSeq: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield ': events of this request, oldest first\n\n';
  let seq = afterSeq;
  for (let quiet = 0; !signal.aborted; quiet += 1) {
    const events = await readStream(database, requestId, seq, PAGE_EVENTS);
    for (const event of events) {
      const resource = eventResource(event);
      yield `id: ${event.seq}\nevent: ${resource.type}\ndata: ${JSON.stringify(resource)}\n\n`;
      seq = event.seq;
    }
    if (events.length > 0) quiet = 0;
    else if (quiet >= QUIET_LOOKS_MAX) {
      quiet = 0;
      yield ': still here\n\n';
    }
    if (events.length < PAGE_EVENTS) await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
