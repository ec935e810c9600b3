-- Webhook sources: who may ask for erasures by signed deliveries, what came from them, and what is held back.

-- One source: how its deliveries are signed, which events count, and how a payload becomes a subject and targets.
create table webhook_source (
  name              text        primary key check (name ~ '^[a-z0-9-]{1,64}$'),
  scheme            text        not null check (scheme in ('standard-webhooks', 'shopify', 'github')),
  events            text[]      not null check (cardinality(events) > 0),
  subject_ref       text        not null,
  -- Templates as they were submitted; null: what the subject directory knows.
  targets           json,
  -- Beyond so many different subjects in an hour, requests are held.
  subjects_per_hour integer     not null check (subjects_per_hour > 0),
  -- When a person last let held requests go: counting starts anew from there.
  released_at       timestamptz,
  created_at        timestamptz not null default now()
);

-- Its living secrets, sealed under DATA_KEY. Two at most: a source is locked before one is added.
create table webhook_secret (
  id         uuid        primary key,
  source     text        not null references webhook_source on delete cascade,
  sealed     bytea       not null,
  generation integer     not null references installation (generation) on update cascade,
  created_at timestamptz not null default now()
);
create index webhook_secret_source on webhook_secret (source, id);

-- What came with a valid signature, and was answered. Digests are keyed and kept for good: no delivery acts twice, not even
-- after its source was removed and made again. Hence no reference to the source.
create table webhook_delivery (
  id              uuid        primary key,
  source          text        not null,
  -- Of the sender's own id of the delivery; null where there was none.
  delivery_digest bytea,
  body_digest     bytea       not null,
  -- The signature covers nothing but the body: then the body itself may act but once.
  body_only       boolean     not null,
  request_id      uuid        references erasure_request,
  ignored         text        check (ignored in ('event', 'unknown_subject')),
  created_at      timestamptz not null default now(),
  check ((request_id is null) = (ignored is not null))
);
create unique index webhook_delivery_once on webhook_delivery (source, delivery_digest) where delivery_digest is not null;
create unique index webhook_delivery_body_once on webhook_delivery (source, body_digest) where body_only;
create trigger webhook_delivery_is_kept before delete or truncate on webhook_delivery
  for each statement execute function refuse_removal();

-- What acted, acted: only a delivery that was ignored may still turn into a request.
create function webhook_delivery_stays() returns trigger language plpgsql as $$
begin
  raise exception 'delivery %: what it did is kept', old.id using errcode = 'integrity_constraint_violation';
end $$;
create trigger webhook_delivery_stays before update on webhook_delivery for each row
  when (old.request_id is not null) execute function webhook_delivery_stays();

-- A request that waits for a person to let it go. Its items say so too, and no batch can claim them.
alter table erasure_request add column held text check (held in ('volume'));
create index erasure_request_source on erasure_request (source, created_at);
create index erasure_request_held on erasure_request (source, id) where held is not null;

alter table item add column held boolean not null default false;
alter table item add constraint held_rests check (not held or (outcome = 'pending' and attempts = 0));
drop index item_due;
create index item_due on item (system, deadline, id) where outcome = 'pending' and not held;
create index item_held on item (system) where held;

create function claim_is_free() returns trigger language plpgsql as $$
begin
  -- One look by key for each claim, never a walk over all that is held.
  if exists (select from added a, lateral (
      select i.held from item i where i.request_id = a.request_id and i.id = a.item_id offset 0) found where found.held) then
    raise exception 'a held item was claimed' using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end $$;
create trigger claim_is_free after insert on claim referencing new table as added
  for each statement execute function claim_is_free();
