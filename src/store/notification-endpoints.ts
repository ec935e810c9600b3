/** The endpoints that notifications go to. URL and secret are sealed: both can let a stranger in somewhere. */
import type { NotificationEvent } from '../core/notification.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import type { Page, PageOf } from './cursor.js';
import type { Database, Statement, Transaction } from './database.js';
import { seal, unseal } from './vault.js';
import type { Vault } from './vault.js';

/** More endpoints than this are refused: every message is a row for each. */
export const ENDPOINTS_MAX = 100;

/** The endpoint resource of the API. */
export interface EndpointResource {
  readonly id: string;
  readonly url: string;
  readonly events: readonly NotificationEvent[];
  readonly createdAt: string;
  /** When it answered 410 and was given up, or null. */
  readonly disabledAt: string | null;
}

/** What an endpoint's sealed columns are opened with. */
export interface SealedEndpoint {
  readonly endpointId: string;
  readonly wrapped: Buffer;
  readonly sealedUrl: Buffer;
  readonly sealedSecret: Buffer;
}

const urlPlace = (id: string) => `notification_endpoint ${id} url`;
const secretPlace = (id: string) => `notification_endpoint ${id} secret`;

/** Opens an endpoint's URL and the bytes of its secret. Throws when DATA_KEY did not seal them. */
export function openEndpoint(vault: Vault, row: SealedEndpoint): { readonly url: string; readonly secret: Buffer } {
  const key = vault.unwrap(row.endpointId, row.wrapped);
  return {
    url: unseal(key, urlPlace(row.endpointId), row.sealedUrl).toString('utf8'),
    secret: unseal(key, secretPlace(row.endpointId), row.sealedSecret),
  };
}

interface EndpointRow extends SealedEndpoint {
  readonly events: NotificationEvent[];
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
}
const COLUMNS = `id as "endpointId", wrapped, sealed_url as "sealedUrl", sealed_secret as "sealedSecret", events,
  created_at as "createdAt", disabled_at as "disabledAt"`;

function toResource(vault: Vault, row: EndpointRow): EndpointResource {
  return {
    id: row.endpointId,
    url: openEndpoint(vault, row).url,
    events: row.events,
    createdAt: row.createdAt.toISOString(),
    disabledAt: row.disabledAt?.toISOString() ?? null,
  };
}

const INSERT_ENDPOINT: Statement = {
  name: 'insert-notification-endpoint',
  text: `insert into notification_endpoint (id, wrapped, generation, sealed_url, sealed_secret, events)
    select $1::uuid, $2::bytea, $3::integer, $4::bytea, $5::bytea, $6::text[]
    where (select count(*) from notification_endpoint) < ${ENDPOINTS_MAX} returning ${COLUMNS}`,
};

/** Stores a new endpoint; null when there are as many as there may be. */
export async function insertEndpoint(
  database: Database,
  vault: Vault,
  given: {
    readonly id: string;
    readonly url: string;
    readonly secret: Buffer;
    readonly events: readonly NotificationEvent[];
  },
): Promise<EndpointResource | null> {
  const { key, wrapped } = vault.makeKey(given.id);
  const [row] = await database.rows<EndpointRow>(INSERT_ENDPOINT, [
    given.id,
    wrapped,
    vault.generation,
    seal(key, urlPlace(given.id), given.url),
    seal(key, secretPlace(given.id), given.secret),
    given.events,
  ]);
  return row ? toResource(vault, row) : null;
}

const LIST_ENDPOINTS: Statement = {
  name: 'list-notification-endpoints',
  text: `select ${COLUMNS} from notification_endpoint where $1::uuid is null or id > $1 order by id limit $2`,
};

/** A page of the endpoints, oldest first. */
export async function listEndpoints(
  database: Database,
  vault: Vault,
  page: Page,
): Promise<PageOf<EndpointResource> | 'bad_cursor'> {
  const after = page.cursor === null ? null : decodeCursor(page.cursor);
  if (page.cursor !== null && after === null) return 'bad_cursor';
  const rows = await database.rows<EndpointRow>(LIST_ENDPOINTS, [after, page.limit + 1]);
  const data = rows.slice(0, page.limit).map((row) => toResource(vault, row));
  const last = data.at(-1);
  return { data, nextCursor: rows.length > page.limit && last ? encodeCursor(last.id) : null };
}

const DELETE_ENDPOINT: Statement = {
  name: 'delete-notification-endpoint',
  text: 'delete from notification_endpoint where id = $1 returning id',
};

/** Deletes an endpoint, its secret and its delivery log. False when there was none. */
export async function deleteEndpoint(database: Database, id: string): Promise<boolean> {
  return (await database.rows(DELETE_ENDPOINT, [id])).length > 0;
}

const LOCK_ENDPOINT: Statement = {
  name: 'lock-notification-endpoint',
  text: 'select id from notification_endpoint where id = $1 for no key update',
};

/** Locks an endpoint: before any of its deliveries, since to disable it is to lock them all. */
export async function lockEndpoint(tx: Transaction, id: string): Promise<void> {
  await tx.run(LOCK_ENDPOINT, [id]);
}

const NOTE_ENDPOINT: Statement = {
  name: 'note-notification-endpoint',
  text: `update notification_endpoint set failing = $2,
      paused_until = greatest(paused_until, now() + $3::float8 * interval '1 millisecond')
    where id = $1 and (failing <> $2 or $3::float8 is not null)`,
};

/** Remembers how an endpoint took its last message. `pauseMs`: it asked not to be called for so long. */
export async function noteEndpoint(
  tx: Transaction,
  id: string,
  how: { readonly failing: boolean; readonly pauseMs: number | null },
): Promise<void> {
  await tx.run(NOTE_ENDPOINT, [id, how.failing, how.pauseMs]);
}

const DISABLE_ENDPOINT: Statement = {
  name: 'disable-notification-endpoint',
  text: 'update notification_endpoint set disabled_at = coalesce(disabled_at, now()) where id = $1',
};
const DROP_PENDING: Statement = {
  name: 'drop-pending-deliveries',
  text: `update notification_delivery d set status = 'given_up', failure = 'disabled', ended_at = now(), lease_until = null
    from notification_endpoint e where e.disabled_at is not null and d.endpoint_id = e.id and d.status = 'pending'`,
};

/** Disables an endpoint that is gone: what still waits for it is given up. */
export async function disableEndpoint(tx: Transaction, id: string): Promise<void> {
  await tx.run(DISABLE_ENDPOINT, [id]);
  await dropPending(tx);
}

/** Gives up what waits for disabled endpoints: a message may be made in the moment in which its endpoint is disabled. */
export async function dropPending(reader: Pick<Transaction, 'rows'>): Promise<void> {
  await reader.rows(DROP_PENDING);
}

const READ_ENDPOINT_KEYS: Statement = {
  name: 'read-notification-endpoint-keys',
  text: 'select id, wrapped from notification_endpoint order by id',
};
const SAVE_ENDPOINT_KEY: Statement = {
  name: 'save-notification-endpoint-key',
  text: 'update notification_endpoint set wrapped = $2 where id = $1',
};

/** Wraps every endpoint's key under another DATA_KEY. */
export async function rewrapEndpoints(tx: Transaction, before: Vault, after: Vault): Promise<void> {
  for (const { id, wrapped } of await tx.rows<{ id: string; wrapped: Buffer }>(READ_ENDPOINT_KEYS)) {
    await tx.run(SAVE_ENDPOINT_KEY, [id, after.wrap(id, before.unwrap(id, wrapped))]);
  }
}
