/** What there is to tell: requests that settled, deadlines that came near, gates that closed; and the rows that tell it. */
import type { NotificationEvent, RequestFacts } from '../core/notification.js';
import type { Statement, Transaction } from './database.js';
import { newId } from './identifiers.js';

/** A request that something is to be told of, and to whom. */
export interface RequestNews {
  readonly event: NotificationEvent;
  /** When that happened; the same thing found twice has the same. */
  readonly occasion: Date;
  /** The time of this transaction. */
  readonly at: Date;
  readonly facts: RequestFacts;
  readonly endpointIds: readonly string[];
}

interface NewsRow {
  readonly event: NotificationEvent;
  readonly occasion: Date;
  readonly at: Date;
  readonly endpointId: string;
  readonly requestId: string;
  readonly status: string;
  readonly source: string;
  readonly receivedAt: Date;
  readonly dueAt: Date;
  readonly settledAt: Date | null;
  readonly counts: Readonly<Record<string, number>>;
  readonly warnings: readonly { readonly code: string; readonly system: string }[];
}

const FACTS = `r.id as "requestId", r.status, r.source, r.received_at as "receivedAt", r.due_at as "dueAt", r.settled_at as "settledAt",
  json_build_object('total', r.pending + r.erased + r.already_absent + r.nothing_matched + r.unconfirmed + r.failed + r.cancelled,
    'pending', r.pending, 'erased', r.erased, 'already_absent', r.already_absent, 'nothing_matched', r.nothing_matched,
    'unconfirmed', r.unconfirmed, 'failed', r.failed, 'cancelled', r.cancelled) as counts,
  coalesce((select json_agg(json_build_object('code', w.code, 'system', w.system) order by w.at, w.code)
    from warning w where w.request_id = r.id), '[]') as warnings`;

/**
 * An endpoint is kept from being deleted while a row for it is made; one that is just being deleted is waited for, and
 * then not there: nobody's transaction fails for it.
 */
const FIND_SETTLED: Statement = {
  name: 'find-settled-news',
  text: `select 'request.' || r.status as event, r.settled_at as occasion, now() as at, e.id as "endpointId", ${FACTS}
    from erasure_request r join notification_endpoint e on 'request.' || r.status = any (e.events) and e.disabled_at is null
    where r.id = any ($1::uuid[]) and r.pending = 0 and r.status in ('completed', 'attention')
      and (r.settled_at = now() or (r.status = 'completed' and r.resolved > 0
        and exists (select from item i where i.request_id = r.id and i.resolved_at = now())))
    for key share of e`,
};

/** Those of these requests that this very transaction settled, or completed by a person's hand, and who wants to know. */
export async function findSettled(tx: Transaction, requestIds: readonly string[]): Promise<RequestNews[]> {
  return newsOf(await tx.rows<NewsRow>(FIND_SETTLED, [requestIds]));
}

const DEADLINES_AT_ONCE = 500;
/** Two that look at once find the same; the second waits for the first, and then has found nothing. */
const NOTE_DEADLINES: Statement = {
  name: 'note-deadlines',
  text: `insert into deadline_notice (request_id, event)
    select r.id, w.event from erasure_request r
    cross join lateral (select case when r.due_at < now() then 'request.overdue' else 'request.due_soon' end as event) w
    where r.pending > 0 and r.due_at < now() + interval '7 days'
      and not exists (select from deadline_notice n where n.request_id = r.id and n.event = w.event)
    order by r.due_at, r.id limit ${DEADLINES_AT_ONCE}
    on conflict do nothing returning request_id as id, event`,
};
const FIND_DEADLINES: Statement = {
  name: 'find-deadline-news',
  text: `select w.event, r.due_at as occasion, now() as at, e.id as "endpointId", ${FACTS}
    from unnest($1::uuid[], $2::text[]) as w (id, event)
    join erasure_request r on r.id = w.id
    join notification_endpoint e on w.event = any (e.events) and e.disabled_at is null
    for key share of e`,
};

/**
 * Notes which unsettled requests are due within 7 days, or overdue, and were not found so before: some hundreds of them,
 * `more` when others may be left.
 */
export async function findDeadlines(
  tx: Transaction,
): Promise<{ readonly news: RequestNews[]; readonly more: boolean }> {
  const noted = await tx.rows<{ id: string; event: string }>(NOTE_DEADLINES);
  if (noted.length === 0) return { news: [], more: false };
  const rows = await tx.rows<NewsRow>(FIND_DEADLINES, [noted.map((one) => one.id), noted.map((one) => one.event)]);
  return { news: newsOf(rows), more: noted.length === DEADLINES_AT_ONCE };
}

const FIND_LISTENERS: Statement = {
  name: 'find-notification-listeners',
  text: `select id from notification_endpoint where $1 = any (events) and disabled_at is null for key share`,
};

/** The endpoints that want to know of an event. */
export async function findListeners(tx: Transaction, event: NotificationEvent): Promise<string[]> {
  return (await tx.rows<{ id: string }>(FIND_LISTENERS, [event])).map((row) => row.id);
}

/** A message to be delivered. */
export interface NewDelivery {
  readonly endpointId: string;
  readonly event: NotificationEvent;
  /** The id of the request, or the name of the system. */
  readonly about: string;
  readonly occasion: Date;
  readonly body: string;
}

const INSERT_DELIVERIES: Statement = {
  name: 'insert-notification-deliveries',
  text: `insert into notification_delivery (id, endpoint_id, event, about, occasion, body)
    select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
    on conflict do nothing`,
};

/** Makes the rows. One that an endpoint has already, of the same event and occasion, is not made again. */
export async function insertDeliveries(tx: Transaction, deliveries: readonly NewDelivery[]): Promise<void> {
  if (deliveries.length === 0) return;
  await tx.run(INSERT_DELIVERIES, [
    deliveries.map(() => newId()),
    deliveries.map((delivery) => delivery.endpointId),
    deliveries.map((delivery) => delivery.event),
    deliveries.map((delivery) => delivery.about),
    deliveries.map((delivery) => delivery.occasion),
    deliveries.map((delivery) => delivery.body),
  ]);
}

function newsOf(rows: readonly NewsRow[]): RequestNews[] {
  const found = new Map<string, RequestNews & { readonly endpointIds: string[] }>();
  for (const row of rows) {
    const key = `${row.event} ${row.requestId}`;
    const known = found.get(key);
    if (known) known.endpointIds.push(row.endpointId);
    else found.set(key, { ...about(row), endpointIds: [row.endpointId] });
  }
  return [...found.values()];
}

function about(row: NewsRow): Omit<RequestNews, 'endpointIds'> {
  const { event, occasion, at, requestId, status, source, counts, warnings } = row;
  const times = {
    receivedAt: row.receivedAt.toISOString(),
    dueAt: row.dueAt.toISOString(),
    settledAt: row.settledAt?.toISOString() ?? null,
  };
  return { event, occasion, at, facts: { requestId, status, source, ...times, counts, warnings } };
}
