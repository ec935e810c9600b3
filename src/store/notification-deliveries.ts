/** Messages on their way: claimed under a lease, recorded behind its epoch, listed, and sent again by hand. */
import type { NotificationEvent } from '../core/notification.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import type { Page, PageOf } from './cursor.js';
import type { Database, Statement, Transaction } from './database.js';
import type { SealedEndpoint } from './notification-endpoints.js';

/** Why an attempt came to nothing. */
export type DeliveryFailure =
  | 'blocked'
  | 'name'
  | 'connection'
  | 'tls'
  | 'timeout'
  | 'reset'
  | 'status'
  /** The endpoint was disabled: no attempt was made any more. */
  | 'disabled';

/** A message that we hold, for one attempt. */
export interface ClaimedDelivery extends SealedEndpoint {
  readonly id: string;
  readonly epoch: number;
  readonly event: NotificationEvent;
  readonly body: string;
  /** Attempts in this round of the schedule, this one included. */
  readonly tries: number;
  /** The database's clock at the claim, epoch milliseconds. */
  readonly nowMs: number;
  readonly failing: boolean;
}

/** Endpoints take turns by lot: none is always the first, however much waits for it. */
const CLAIM_DELIVERIES: Statement = {
  name: 'claim-notification-deliveries',
  text: `with ready as (
      select d.id, e.id as endpoint_id, e.wrapped, e.sealed_url, e.sealed_secret, e.failing
      from notification_endpoint e
      left join unnest($1::uuid[], $2::int[]) as busy (endpoint_id, n) on busy.endpoint_id = e.id
      cross join lateral (
        select d.id from notification_delivery d
        where d.endpoint_id = e.id and d.status = 'pending' and d.due_at <= now()
          and (d.lease_until is null or d.lease_until <= now())
        order by d.due_at, d.id limit greatest(case when e.failing then 1 else $3 end - coalesce(busy.n, 0), 0)
        for update skip locked) d
      where e.disabled_at is null and (e.paused_until is null or e.paused_until <= now())
    ), drawn as (
      select *, row_number() over (partition by failing order by random()) as place from ready
    ), picked as (
      select * from drawn where not failing or place <= $5 order by failing, place limit $4)
    update notification_delivery d set epoch = d.epoch + 1, attempts = d.attempts + 1, tries = d.tries + 1,
      http_status = null, failure = null,
      last_attempt_at = clock_timestamp(), lease_until = clock_timestamp() + $6 * interval '1 millisecond'
    from picked p where d.id = p.id
    returning d.id, d.epoch, d.event, d.body, d.tries, (extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs",
      p.endpoint_id as "endpointId", p.wrapped, p.sealed_url as "sealedUrl", p.sealed_secret as "sealedSecret", p.failing`,
};

export interface Room {
  /** How many messages may be claimed, and how many of these for endpoints whose last attempt failed. */
  readonly slots: number;
  readonly failingSlots: number;
  /** How many of one endpoint may be under way in this process; of one that failed, one. */
  readonly perEndpoint: number;
  /** How many of each endpoint are under way. */
  readonly busy: ReadonlyMap<string, number>;
  readonly leaseMs: number;
}

/** Claims messages that are due, each for one attempt, which counts from now on. */
export async function claimDeliveries(reader: Pick<Transaction, 'rows'>, room: Room): Promise<ClaimedDelivery[]> {
  if (room.slots <= 0) return [];
  return reader.rows<ClaimedDelivery>(CLAIM_DELIVERIES, [
    [...room.busy.keys()],
    [...room.busy.values()],
    room.perEndpoint,
    room.slots,
    Math.max(room.failingSlots, 0),
    room.leaseMs,
  ]);
}

/** What became of a message. `againInMs`: null when it is over, delivered or given up. */
export interface AttemptResult {
  readonly status: 'pending' | 'delivered' | 'given_up';
  readonly againInMs: number | null;
  readonly httpStatus: number | null;
  readonly failure: DeliveryFailure | null;
}

const RECORD_ATTEMPT: Statement = {
  name: 'record-notification-attempt',
  text: `update notification_delivery set status = $3, http_status = $4, failure = $5, lease_until = null,
      due_at = case when $3 = 'pending' then now() + $6::float8 * interval '1 millisecond' else due_at end,
      ended_at = case when $3 = 'pending' then null else now() end
    where id = $1 and epoch = $2 and status = 'pending'`,
};

/** Writes the result of an attempt. False when the message is no longer held under that epoch: then nothing changes. */
export async function recordAttempt(
  tx: Transaction,
  ref: { readonly id: string; readonly epoch: number },
  result: AttemptResult,
): Promise<boolean> {
  const { status, httpStatus, failure, againInMs } = result;
  return (await tx.run(RECORD_ATTEMPT, [ref.id, ref.epoch, status, httpStatus, failure, againInMs])) === 1;
}

/** The delivery resource of the API. */
export interface DeliveryResource {
  readonly id: string;
  readonly event: NotificationEvent;
  /** The id of the request, or the name of the system, that it tells of. */
  readonly about: string;
  readonly status: string;
  readonly attempts: number;
  readonly httpStatus: number | null;
  readonly failure: DeliveryFailure | null;
  readonly createdAt: string;
  readonly lastAttemptAt: string | null;
  readonly nextAttemptAt: string | null;
  readonly endedAt: string | null;
}

interface DeliveryRow {
  readonly id: string;
  readonly event: NotificationEvent;
  readonly about: string;
  readonly status: string;
  readonly attempts: number;
  readonly httpStatus: number | null;
  readonly failure: DeliveryFailure | null;
  readonly createdAt: Date;
  readonly lastAttemptAt: Date | null;
  readonly dueAt: Date;
  readonly endedAt: Date | null;
}
const COLUMNS = `d.id, d.event, d.about, d.status, d.attempts, d.http_status as "httpStatus", d.failure, d.created_at as "createdAt",
  d.last_attempt_at as "lastAttemptAt", d.due_at as "dueAt", d.ended_at as "endedAt"`;

function toResource({ createdAt, lastAttemptAt, dueAt, endedAt, ...row }: DeliveryRow): DeliveryResource {
  return {
    ...row,
    createdAt: createdAt.toISOString(),
    lastAttemptAt: lastAttemptAt?.toISOString() ?? null,
    nextAttemptAt: row.status === 'pending' ? dueAt.toISOString() : null,
    endedAt: endedAt?.toISOString() ?? null,
  };
}

const ENDPOINT_EXISTS: Statement = {
  name: 'notification-endpoint-exists',
  text: 'select id from notification_endpoint where id = $1',
};
const LIST_DELIVERIES: Statement = {
  name: 'list-notification-deliveries',
  text: `select ${COLUMNS} from notification_delivery d
    where d.endpoint_id = $1 and ($2::uuid is null or d.id < $2) order by d.id desc limit $3`,
};

/** A page of an endpoint's delivery log, newest first. */
export async function listDeliveries(
  database: Database,
  endpointId: string,
  page: Page,
): Promise<PageOf<DeliveryResource> | 'bad_cursor' | 'not_found'> {
  const after = page.cursor === null ? null : decodeCursor(page.cursor);
  if (page.cursor !== null && after === null) return 'bad_cursor';
  if ((await database.rows(ENDPOINT_EXISTS, [endpointId])).length === 0) return 'not_found';
  const rows = await database.rows<DeliveryRow>(LIST_DELIVERIES, [endpointId, after, page.limit + 1]);
  const data = rows.slice(0, page.limit).map(toResource);
  const last = data.at(-1);
  return { data, nextCursor: rows.length > page.limit && last ? encodeCursor(last.id) : null };
}

/** Kept from being disabled meanwhile: nothing may be left waiting for an endpoint that is gone. */
const HOLD_ENDPOINT: Statement = {
  name: 'hold-notification-endpoint',
  text: 'select disabled_at is not null as disabled from notification_endpoint where id = $1 for share',
};
/** An attempt under way keeps its lease: the message is sent again after it. */
const REDELIVER: Statement = {
  name: 'redeliver-notification',
  text: `update notification_delivery d set status = 'pending', due_at = now(), tries = 0, epoch = d.epoch + 1,
      http_status = null, failure = null, ended_at = null
    where d.id = $1 and d.endpoint_id = $2 returning ${COLUMNS}`,
};

/** Puts a message back to be sent at once, whatever became of it, with a new round of the schedule. */
export async function redeliver(
  database: Database,
  at: { readonly endpointId: string; readonly deliveryId: string },
): Promise<DeliveryResource | 'not_found' | 'endpoint_disabled'> {
  return database.transaction(async (tx) => {
    const [endpoint] = await tx.rows<{ disabled: boolean }>(HOLD_ENDPOINT, [at.endpointId]);
    if (!endpoint) return 'not_found';
    if (endpoint.disabled) return 'endpoint_disabled';
    const [row] = await tx.rows<DeliveryRow>(REDELIVER, [at.deliveryId, at.endpointId]);
    return row ? toResource(row) : 'not_found';
  });
}
