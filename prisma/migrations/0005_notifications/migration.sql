-- Notifications out: who is told what, and every message that is to reach them. A message is a row of the transaction
-- that makes it true; a worker delivers it, under a lease, until the endpoint takes it or three days are over.

create table notification_endpoint (
  id             uuid        primary key,
  -- The endpoint's own key, wrapped under DATA_KEY; under it its URL (which may hold a token) and its signing secret.
  wrapped        bytea       not null,
  generation     integer     not null references installation (generation) on update cascade,
  sealed_url     bytea       not null,
  sealed_secret  bytea       not null,
  events         text[]      not null check (cardinality(events) > 0 and events <@ array[
    'request.completed', 'request.attention', 'request.due_soon', 'request.overdue', 'system.blocked']),
  created_at     timestamptz not null default now(),
  -- It answered 410: nothing is sent to it any more.
  disabled_at    timestamptz,
  -- It asked for a pause.
  paused_until   timestamptz,
  -- Its last attempt failed: it shares few of a worker's slots with others that fail.
  failing        boolean     not null default false
);

-- One message to one endpoint. Its id is the webhook-id of every attempt.
create table notification_delivery (
  id              uuid        primary key,
  endpoint_id     uuid        not null references notification_endpoint on delete cascade,
  event           text        not null check (event in (
    'request.completed', 'request.attention', 'request.due_soon', 'request.overdue', 'system.blocked')),
  -- The id of the request, or the name of the system; and when that happened which the event tells of.
  about           text        not null,
  occasion        timestamptz not null,
  -- Exactly what is signed and sent: ids, counts and warnings, nothing personal.
  body            text        not null,
  status          text        not null default 'pending' check (status in ('pending', 'delivered', 'given_up')),
  due_at          timestamptz not null default now(),
  -- Whoever sends it holds it until then, by this database's clock; the epoch is the fence.
  lease_until     timestamptz,
  epoch           integer     not null default 0,
  -- All attempts, and those since it was made or was last sent again by hand: its place in the schedule.
  attempts        integer     not null default 0,
  tries           integer     not null default 0,
  -- What came of the last attempt.
  http_status     integer,
  failure         text        check (failure in (
    'blocked', 'name', 'connection', 'tls', 'timeout', 'reset', 'status', 'disabled')),
  created_at      timestamptz not null default now(),
  last_attempt_at timestamptz,
  ended_at        timestamptz,
  check ((status = 'pending') = (ended_at is null)),
  -- Nobody is told the same thing twice, whoever finds it and how often.
  unique (endpoint_id, event, about, occasion)
);
create index notification_delivery_due on notification_delivery (endpoint_id, due_at) where status = 'pending';
create index notification_delivery_log on notification_delivery (endpoint_id, id desc);

-- Which requests were found due soon or overdue, once for each request and event, whoever was there to be told.
create table deadline_notice (
  request_id uuid        not null,
  event      text        not null check (event in ('request.due_soon', 'request.overdue')),
  found_at   timestamptz not null default now(),
  primary key (request_id, event)
);
