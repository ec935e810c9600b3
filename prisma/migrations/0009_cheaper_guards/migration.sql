-- The same guards as before, for less: every item passes them at least twice.

-- A trigger before an update locks every row a second time. After it the same is refused: the statement fails as a whole.
drop trigger item_stays_settled on item;
create trigger item_stays_settled after update on item for each row
  when (old.outcome in ('erased', 'already_absent', 'nothing_matched', 'cancelled') and new.outcome <> old.outcome)
  execute function item_stays_settled();

-- Held items by request: that is how the guard looks for them.
drop index item_held;
create index item_held on item (request_id, id) where held;

create or replace function claim_is_free() returns trigger language plpgsql as $$
begin
  -- One look for each request, at what is held of it: mostly nothing.
  if exists (select from (select distinct request_id from added) r
      join item h on h.request_id = r.request_id and h.held
      join added a on a.request_id = h.request_id and a.item_id = h.id) then
    raise exception 'a held item was claimed' using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end $$;

-- Counts follow by what there is more and less of after the statement: no row is looked up beside its earlier self.
create or replace function item_follow_update() returns trigger language plpgsql as $$
declare
  unproven bigint;
begin
  with delta as (
    select request_id, outcome, closed, sum(n)::int as n
    from (
      select request_id, outcome, resolution is not null as closed, 1 as n from after_rows
      union all
      select request_id, outcome, resolution is not null, -1 from before_rows
    ) counted group by 1, 2, 3
  ), total as (
    select request_id,
      coalesce(sum(n) filter (where outcome = 'pending'), 0)::int as pending,
      coalesce(sum(n) filter (where outcome = 'erased'), 0)::int as erased,
      coalesce(sum(n) filter (where outcome = 'already_absent'), 0)::int as already_absent,
      coalesce(sum(n) filter (where outcome = 'nothing_matched'), 0)::int as nothing_matched,
      coalesce(sum(n) filter (where outcome = 'unconfirmed'), 0)::int as unconfirmed,
      coalesce(sum(n) filter (where outcome = 'failed'), 0)::int as failed,
      coalesce(sum(n) filter (where outcome = 'cancelled'), 0)::int as cancelled,
      coalesce(sum(n) filter (where closed), 0)::int as resolved
    from delta where n <> 0 group by 1
  )
  update erasure_request r set
    pending = r.pending + t.pending, erased = r.erased + t.erased, already_absent = r.already_absent + t.already_absent,
    nothing_matched = r.nothing_matched + t.nothing_matched, unconfirmed = r.unconfirmed + t.unconfirmed,
    failed = r.failed + t.failed, cancelled = r.cancelled + t.cancelled, resolved = r.resolved + t.resolved,
    settled_at = case when r.pending + t.pending = 0 then coalesce(r.settled_at, now()) end
  from total t where r.id = t.request_id;
  with gone as materialized (
    select request_id, id, selector_id, proof_id from after_rows
    where outcome in ('erased', 'already_absent', 'nothing_matched')
  ), carried as materialized (
    select p.attempt_id, x.item_id
    from (select distinct request_id, proof_id from gone) d
    join attempt_part p on p.attempt_id = d.proof_id and p.request_id = d.request_id
    join attempt a on a.id = p.attempt_id and a.verdict = 'answered'
    cross join unnest(p.item_ids) as x (item_id)
  )
  select count(*) into unproven from gone n
    where ((n.proof_id, n.id) in (select attempt_id, item_id from carried)
      or (n.proof_id, n.selector_id) in (select attempt_id, item_id from carried)) is not true;
  if unproven > 0 then
    raise exception '% items without the attempt that proves them', unproven using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end $$;
