-- Expunge: the truth about every erasure request, in Postgres.
--
-- What stands in clear here is what the work needs: opaque ids, outcomes, counts, times. Everything personal (external
-- IDs, scopes, subject, note, provider texts) stands as AES-256-GCM ciphertext in sealed_block and attempt_part, under
-- a key per request (request_key). Equality goes over keyed digests.

-- One row: what binds this database to its DATA_KEY.
create table installation (
  only_row   boolean     primary key default true check (only_row),
  -- Both wrapped under DATA_KEY; that they open is the key check.
  digest_key bytea       not null,
  lookup_key bytea       not null,
  -- Counts the rotations of DATA_KEY: a process that still holds an older key can wrap nothing more under it.
  generation integer     not null default 1 unique,
  created_at timestamptz not null default now()
);

create table api_key (
  id           uuid        primary key,
  name         text        not null unique,
  prefix       text        not null,
  sha256       bytea       not null unique check (octet_length(sha256) = 32),
  scopes       text[]      not null,
  created_at   timestamptz not null default now(),
  last_used_at timestamptz,
  expires_at   timestamptz
);

create table erasure_request (
  id             uuid        primary key,
  source         text        not null,
  actor          text        not null,
  received_at    timestamptz not null,
  due_at         timestamptz not null,
  created_at     timestamptz not null default now(),
  started_at     timestamptz,
  settled_at     timestamptz,
  cancelled_at   timestamptz,
  shredded_at    timestamptz,
  -- HMAC of the subject's reference; null once shredded.
  subject_digest bytea,
  -- How many items stand at each outcome, kept by item_follow() below and by nobody else.
  pending         integer not null default 0 check (pending >= 0),
  erased          integer not null default 0 check (erased >= 0),
  already_absent  integer not null default 0 check (already_absent >= 0),
  nothing_matched integer not null default 0 check (nothing_matched >= 0),
  unconfirmed     integer not null default 0 check (unconfirmed >= 0),
  failed          integer not null default 0 check (failed >= 0),
  cancelled       integer not null default 0 check (cancelled >= 0),
  -- How many of the failed and unconfirmed were closed by a person.
  resolved        integer not null default 0 check (resolved >= 0),
  status text not null generated always as (
    case
      when pending > 0 then case when started_at is null then 'queued' else 'running' end
      when cancelled > 0 then 'cancelled'
      when failed + unconfirmed > resolved then 'attention'
      else 'completed'
    end
  ) stored,
  check (shredded_at is null or subject_digest is null)
);
create index erasure_request_status on erasure_request (status, id desc);
create index erasure_request_due on erasure_request (due_at) where pending > 0;
create index erasure_request_subject on erasure_request (subject_digest) where subject_digest is not null;

-- The key of a request, wrapped under DATA_KEY. Destroying this row makes everything sealed of the request unreadable.
create table request_key (
  request_id uuid  primary key references erasure_request,
  wrapped    bytea not null,
  generation integer not null references installation (generation) on update cascade
);

-- Personal values of a request, many to a block. No. -1 is the idempotency record, 0 the subject and note, from 1 on items.
create table sealed_block (
  request_id uuid    not null references erasure_request,
  no         integer not null,
  sealed     bytea   not null,
  primary key (request_id, no)
);

create table idempotency_key (
  route      text        not null,
  key_digest bytea       not null,
  request_id uuid        not null references erasure_request,
  created_at timestamptz not null default now(),
  primary key (route, key_digest)
);

create table warning (
  request_id uuid        not null references erasure_request,
  code       text        not null check (code in (
    'all_absent', 'stranger', 'count_mismatch', 'document_before_comments', 'also_requested', 'resolved_by_hand')),
  system     text        not null,
  at         timestamptz not null default now(),
  primary key (request_id, code, system)
);

-- One ID, or one selector, of one request at one system: the unit of outcome.
create table item (
  request_id       uuid        not null,
  id               uuid        not null,
  system           text        not null,
  kind             text        not null check (kind in ('id', 'selector', 'discovered')),
  -- Where the personal values stand: sealed_block no, place in it.
  block            integer     not null,
  slot             integer     not null,
  -- HMAC of system, scope, kind and external ID: equal for the same thing asked twice; null once shredded.
  digest           bytea,
  -- HMAC of what a call must have in common; null once shredded.
  lane             bytea,
  -- The order of deletion: of one group, and of equal or absent scopes, the higher rank waits for the lower.
  order_group      bytea,
  order_scope      bytea,
  order_rank       smallint    not null default 0,
  order_warns      boolean     not null default false,
  selector_id      uuid,
  -- The due date of the request.
  deadline         timestamptz not null,
  due_at           timestamptz not null default now(),
  suspect_id       uuid,
  outcome          text        not null default 'pending' check (outcome in (
    'pending', 'erased', 'already_absent', 'nothing_matched', 'unconfirmed', 'failed', 'cancelled')),
  evidence         text        check (evidence in ('provider', 'reconciled', 'repeat')),
  reason           text        check (reason in ('denied', 'rejected', 'contract')),
  -- Every call that carried it, and those that spent its budget.
  attempts         integer     not null default 0,
  spent            integer     not null default 0,
  strikes          smallint    not null default 0,
  backoff          smallint    not null default 0,
  passes           smallint    not null default 0,
  matched          bigint,
  erased_seen      boolean     not null default false,
  unknown_effect   boolean     not null default false,
  unclear_since    timestamptz,
  last_attempt_at  timestamptz,
  settled_at       timestamptz,
  -- The attempt whose answer settled it, and the one that last said something about it.
  proof_id         uuid,
  answer_id        uuid,
  resolution       text        check (resolution in ('erased_elsewhere', 'waived')),
  resolution_block integer,
  resolved_by      text,
  resolved_at      timestamptz,
  primary key (request_id, id),
  constraint proven_by_an_attempt check (outcome not in ('erased', 'already_absent', 'nothing_matched') or proof_id is not null),
  constraint evidence_fits check ((outcome in ('erased', 'already_absent', 'nothing_matched')) = (evidence is not null)),
  constraint reason_fits check ((outcome = 'failed') = (reason is not null)),
  constraint settled_fits check ((outcome = 'pending') = (settled_at is null)),
  constraint discovered_fits check ((kind = 'discovered') = (selector_id is not null)),
  constraint resolution_fits check (resolution is null or outcome in ('failed', 'unconfirmed'))
) with (fillfactor = 90);
-- One submitted item per (request, system, scope, id or none); the same index finds the same thing in other requests.
create unique index item_submitted_once on item (digest, request_id) where selector_id is null;
create unique index item_discovered_once on item (selector_id, digest) where selector_id is not null;
create index item_due on item (system, deadline, id) where outcome = 'pending';
create index item_holds on item (order_group) where outcome = 'pending' and order_group is not null;
create index item_suspects on item (system, suspect_id) where outcome = 'pending' and suspect_id is not null;

-- The items that go into one provider call. A live batch is a lease: `epoch` is the fence, `lease_until` its end by this
-- database's clock. A batch that is done is deleted; what came of it stands in attempt.
create table batch (
  id          uuid        primary key,
  system      text        not null,
  provider    text        not null,
  epoch       integer     not null default 1,
  state       text        not null default 'claimed' check (state in ('claimed', 'sending')),
  lease_until timestamptz not null,
  -- How often its job was put into the queue.
  rings       integer     not null default 1,
  -- It probes a gate that is closed.
  probe       boolean     not null default false,
  created_at  timestamptz not null default now()
);
create index batch_provider on batch (provider, state);

-- Which items a live batch holds: an item stands in one batch at most. Claims come and go with their batch.
create table claim (
  request_id uuid not null,
  item_id    uuid not null,
  batch_id   uuid not null,
  primary key (request_id, item_id)
);
create index claim_batch on claim (batch_id);

-- One provider call: committed before the call, completed after it.
create table attempt (
  id             uuid        primary key,
  batch_id       uuid        not null,
  epoch          integer     not null,
  system         text        not null,
  provider       text        not null,
  started_at     timestamptz not null default clock_timestamp(),
  ended_at       timestamptz,
  -- How many different IDs it named, and how many items it carried.
  ids            integer     not null,
  items          integer     not null,
  probe          boolean     not null,
  http_status    integer,
  verdict        text        check (verdict in ('answered', 'refused', 'unclear', 'blocked', 'interrupted')),
  provider_count bigint,
  -- It spent an attempt of the one ID that it carried alone, without a clear answer.
  spent          boolean     not null default false,
  -- Its answer came after its lease had ended, and changed nothing.
  late           boolean     not null default false,
  check ((ended_at is null) = (verdict is null)),
  unique (batch_id, epoch)
);
create index attempt_recent on attempt (provider, started_at);

-- What an attempt was for one request: which of its items it carried, and, sealed under that request's key, the
-- provider's words and the SHA-256 of the answer.
create table attempt_part (
  attempt_id uuid   not null references attempt,
  request_id uuid   not null,
  item_ids   uuid[] not null,
  sealed     bytea,
  primary key (request_id, attempt_id)
);
create index attempt_part_attempt on attempt_part (attempt_id);

-- A system's gate: why no calls go out now, and until when.
create table gate (
  system             text        primary key,
  provider           text        not null,
  reason             text        check (reason in ('credentials', 'quota', 'rate', 'outage', 'contract')),
  since              timestamptz,
  until              timestamptz,
  probe_delay_ms     integer     not null default 0,
  silent             uuid[]      not null default '{}',
  lone_refused       text[]      not null default '{}',
  -- HMAC of the credentials that were refused: a start with others opens the gate.
  credentials_digest bytea,
  check ((reason is null) = (since is null))
);

-- The calls of a provider in flight, counted while nobody else of that provider counts. Each statement of a volatile
-- function sees what was committed before it began: the counts are those after the lock was got.
create function count_calls(of_provider text, apart uuid[], window_ms float8, out in_flight integer, out recent integer)
language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(hashtext('expunge send'), hashtext(of_provider));
  select count(*) into in_flight from batch
    where provider = of_provider and state = 'sending' and lease_until > clock_timestamp() and not id = any (apart);
  if window_ms > 0 then
    select count(*) into recent from attempt
      where provider = of_provider and started_at > clock_timestamp() - window_ms * interval '1 millisecond';
  else
    recent := 0;
  end if;
end $$;

-- The rules, held even when the code is wrong.

create function item_stays_settled() returns trigger language plpgsql as $$
begin
  raise exception 'item %: outcome % is final', old.id, old.outcome using errcode = 'integrity_constraint_violation';
end $$;
create trigger item_stays_settled before update on item for each row
  when (old.outcome in ('erased', 'already_absent', 'nothing_matched', 'cancelled') and new.outcome <> old.outcome)
  execute function item_stays_settled();

create function refuse_removal() returns trigger language plpgsql as $$
begin
  raise exception '% is kept for good', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;
create trigger item_is_kept before delete or truncate on item for each statement execute function refuse_removal();
create trigger attempt_is_kept before delete or truncate on attempt for each statement execute function refuse_removal();
create trigger attempt_part_is_kept before delete or truncate on attempt_part for each statement execute function refuse_removal();
create trigger request_is_kept before delete or truncate on erasure_request for each statement execute function refuse_removal();

-- An attempt is completed once; after that only the mark of a late answer may be added.
create function attempt_completes_once() returns trigger language plpgsql as $$
begin
  raise exception 'attempt %: completed once', old.id using errcode = 'integrity_constraint_violation';
end $$;
create trigger attempt_completes_once before update on attempt for each row
  when (old.verdict is not null and ((new.verdict, new.ended_at) is distinct from (old.verdict, old.ended_at)
    or old.late or (new.spent and not old.spent)
    or (not new.late and (new.http_status, new.provider_count) is distinct from (old.http_status, old.provider_count))))
  execute function attempt_completes_once();

-- What a call carried is what proves its outcomes.
create function attempt_part_carries() returns trigger language plpgsql as $$
begin
  raise exception 'attempt %: what it carried is kept', old.attempt_id using errcode = 'integrity_constraint_violation';
end $$;
create trigger attempt_part_carries before update on attempt_part for each row
  when ((new.attempt_id, new.request_id, new.item_ids) is distinct from (old.attempt_id, old.request_id, old.item_ids))
  execute function attempt_part_carries();

-- Counts and the time of settling follow the items, whoever wrote them. And an outcome that says gone needs the
-- answered call that carried the item (or, for a discovered one, its selector).
create function item_follow_insert() returns trigger language plpgsql as $$
declare
  requests bigint;
  unproven bigint;
begin
  with delta as (
    select request_id, outcome, count(*)::int as n from added group by 1, 2
  ), total as (
    select request_id,
      coalesce(sum(n) filter (where outcome = 'pending'), 0)::int as pending,
      coalesce(sum(n) filter (where outcome = 'erased'), 0)::int as erased,
      coalesce(sum(n) filter (where outcome = 'already_absent'), 0)::int as already_absent,
      coalesce(sum(n) filter (where outcome = 'nothing_matched'), 0)::int as nothing_matched,
      coalesce(sum(n) filter (where outcome = 'unconfirmed'), 0)::int as unconfirmed,
      coalesce(sum(n) filter (where outcome = 'failed'), 0)::int as failed,
      coalesce(sum(n) filter (where outcome = 'cancelled'), 0)::int as cancelled
    from delta group by 1
  ), counted as (
    update erasure_request r set
      pending = r.pending + t.pending, erased = r.erased + t.erased, already_absent = r.already_absent + t.already_absent,
      nothing_matched = r.nothing_matched + t.nothing_matched, unconfirmed = r.unconfirmed + t.unconfirmed,
      failed = r.failed + t.failed, cancelled = r.cancelled + t.cancelled,
      settled_at = case when r.pending + t.pending = 0 then coalesce(r.settled_at, now()) end
    from total t where r.id = t.request_id returning r.id
  )
  select (select count(*) from total) - (select count(*) from counted) into requests;
  if requests <> 0 then
    raise exception 'item without its request' using errcode = 'foreign_key_violation';
  end if;
  if exists (select from added where outcome in ('erased', 'already_absent', 'nothing_matched')) then
    select count(*) into unproven from added n
      where n.outcome in ('erased', 'already_absent', 'nothing_matched')
        and not exists (select from attempt_part p join attempt a on a.id = p.attempt_id and a.verdict = 'answered'
          where p.attempt_id = n.proof_id and p.request_id = n.request_id and n.selector_id = any (p.item_ids));
    if unproven > 0 then
      raise exception '% items without the attempt that proves them', unproven using errcode = 'integrity_constraint_violation';
    end if;
  end if;
  return null;
end $$;
create trigger item_follow_insert after insert on item referencing new table as added
  for each statement execute function item_follow_insert();

create function item_follow_update() returns trigger language plpgsql as $$
declare
  unproven bigint;
begin
  with changed as (
    select n.request_id, n.outcome as new_outcome, o.outcome as old_outcome,
      (n.resolution is not null)::int - (o.resolution is not null)::int as resolved
    from after_rows n join before_rows o on o.request_id = n.request_id and o.id = n.id
    where n.outcome <> o.outcome or (n.resolution is null) <> (o.resolution is null)
  ), total as (
    select request_id,
      count(*) filter (where new_outcome = 'pending') - count(*) filter (where old_outcome = 'pending') as pending,
      count(*) filter (where new_outcome = 'erased') - count(*) filter (where old_outcome = 'erased') as erased,
      count(*) filter (where new_outcome = 'already_absent') - count(*) filter (where old_outcome = 'already_absent') as already_absent,
      count(*) filter (where new_outcome = 'nothing_matched') - count(*) filter (where old_outcome = 'nothing_matched') as nothing_matched,
      count(*) filter (where new_outcome = 'unconfirmed') - count(*) filter (where old_outcome = 'unconfirmed') as unconfirmed,
      count(*) filter (where new_outcome = 'failed') - count(*) filter (where old_outcome = 'failed') as failed,
      count(*) filter (where new_outcome = 'cancelled') - count(*) filter (where old_outcome = 'cancelled') as cancelled,
      sum(resolved) as resolved
    from changed group by 1
  )
  update erasure_request r set
    pending = r.pending + t.pending, erased = r.erased + t.erased, already_absent = r.already_absent + t.already_absent,
    nothing_matched = r.nothing_matched + t.nothing_matched, unconfirmed = r.unconfirmed + t.unconfirmed,
    failed = r.failed + t.failed, cancelled = r.cancelled + t.cancelled, resolved = r.resolved + t.resolved,
    settled_at = case when r.pending + t.pending = 0 then coalesce(r.settled_at, now()) end
  from total t where r.id = t.request_id;
  if exists (select from after_rows where outcome in ('erased', 'already_absent', 'nothing_matched')) then
    with carried as materialized (
      select p.attempt_id, x.item_id
      from (select distinct request_id, proof_id from after_rows) d
      join attempt_part p on p.attempt_id = d.proof_id and p.request_id = d.request_id
      join attempt a on a.id = p.attempt_id and a.verdict = 'answered'
      cross join unnest(p.item_ids) as x (item_id)
    )
    select count(*) into unproven from after_rows n
      where n.outcome in ('erased', 'already_absent', 'nothing_matched')
        and ((n.proof_id, n.id) in (select attempt_id, item_id from carried)
          or (n.proof_id, n.selector_id) in (select attempt_id, item_id from carried)) is not true;
    if unproven > 0 then
      raise exception '% items without the attempt that proves them', unproven using errcode = 'integrity_constraint_violation';
    end if;
  end if;
  return null;
end $$;
create trigger item_follow_update after update on item
  referencing old table as before_rows new table as after_rows
  for each statement execute function item_follow_update();
