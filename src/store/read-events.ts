/** Ledger events as they are answered. */
import { isJsonObject, own } from '../core/json.js';
import type { JsonObject, JsonValue } from '../core/json.js';
import type { Page, PageOf } from './cursor.js';
import type { Database } from './database.js';
import { readStream } from './ledger-events.js';
import type { StoredEvent } from './ledger-events.js';

/** The event resource of the API: the event itself, and where the ledger has it. */
export interface EventResource {
  readonly seq: number;
  readonly type: string;
  readonly at: string;
  readonly actor: string;
  readonly data: JsonObject;
  /** Base64 of the predecessor's hash; null for the first. */
  readonly prev: string | null;
  /** Base64 of the SHA-256 of a zero byte and the event's bytes. */
  readonly hash: string;
  /** Its place in the ledger's tree; null until it is sealed, which takes seconds. */
  readonly leafIndex: number | null;
}

/** A page of a request's events, oldest first. */
export async function listEvents(
  database: Database,
  requestId: string,
  page: Page,
): Promise<PageOf<EventResource> | 'bad_cursor' | 'not_found'> {
  const after = page.cursor === null ? 0 : readSeq(page.cursor);
  if (after === null) return 'bad_cursor';
  const request = await database.prisma.erasureRequest.findUnique({ where: { id: requestId }, select: { id: true } });
  if (request === null) return 'not_found';
  const events = await readStream(database, requestId, after, page.limit + 1);
  const data = events.slice(0, page.limit).map(eventResource);
  const last = data.at(-1);
  return { data, nextCursor: events.length > page.limit && last ? writeSeq(last.seq) : null };
}

export function eventResource({ seq, body, hash, leafIndex }: StoredEvent): EventResource {
  const event: unknown = JSON.parse(body);
  if (!isJsonObject(event)) throw new Error('an event of the ledger is no JSON object');
  const [prev, data] = [own(event, 'prev'), own(event, 'data')];
  return {
    seq,
    type: text(own(event, 'type')),
    at: text(own(event, 'at')),
    actor: text(own(event, 'actor')),
    data: isJsonObject(data) ? data : {},
    prev: typeof prev === 'string' ? prev : null,
    hash: hash.toString('base64'),
    leafIndex,
  };
}

const text = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

function writeSeq(seq: number): string {
  return Buffer.from(`event ${seq}`).toString('base64url');
}

/** The seq in a cursor, or null for what no answer of ours held. */
function readSeq(cursor: string): number | null {
  const [, digits] = /^event ([1-9]\d{0,8})$/.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? [];
  return digits !== undefined && writeSeq(Number(digits)) === cursor ? Number(digits) : null;
}
