/**
 * A side table that the database itself keeps in every run: each receipt and settling of a request, each change
 * of an outcome or of a gate, each begin and end of an attempt and each event of the ledger, with the transaction that did
 * it, and with an end the epoch that the batch had at that moment. The service knows nothing of it, and it survives what
 * kills the service.
 */
import type { Pool } from 'pg';

const HISTORY = `
create schema faults;
create table faults.outcome_change (
  no bigint generated always as identity primary key, request_id uuid, item_id uuid, before text, after text,
  proof_id uuid, tx xid8 not null default pg_current_xact_id(), at timestamptz not null default clock_timestamp());
create table faults.attempt_end (
  no bigint generated always as identity primary key, attempt_id uuid, verdict text, epoch integer, live_epoch integer,
  tx xid8 not null default pg_current_xact_id(), at timestamptz not null default clock_timestamp());
create table faults.attempt_begin (
  no bigint generated always as identity primary key, attempt_id uuid, tx xid8 not null default pg_current_xact_id());
create table faults.settling (
  no bigint generated always as identity primary key, request_id uuid, before timestamptz, after timestamptz,
  tx xid8 not null default pg_current_xact_id());
create table faults.receipt (request_id uuid primary key, tx xid8 not null default pg_current_xact_id());
create table faults.gate_change (
  no bigint generated always as identity primary key, system text, reason text, tx xid8 not null default pg_current_xact_id());
create table faults.event_written (
  stream text, seq integer, tx xid8 not null default pg_current_xact_id(), primary key (stream, seq));

create function faults.note_outcome() returns trigger language plpgsql as $$
begin
  insert into faults.outcome_change (request_id, item_id, before, after, proof_id)
    values (new.request_id, new.id, old.outcome, new.outcome, new.proof_id);
  return null;
end $$;
create trigger note_outcome after update on item for each row when (old.outcome <> new.outcome)
  execute function faults.note_outcome();

create function faults.note_end() returns trigger language plpgsql as $$
begin
  insert into faults.attempt_end (attempt_id, verdict, epoch, live_epoch)
    values (new.id, new.verdict, new.epoch, (select epoch from public.batch where id = new.batch_id));
  return null;
end $$;
create trigger note_end after update on attempt for each row when (old.verdict is distinct from new.verdict)
  execute function faults.note_end();

create function faults.note_begin() returns trigger language plpgsql as $$
begin
  insert into faults.attempt_begin (attempt_id) values (new.id);
  return null;
end $$;
create trigger note_begin after insert on attempt for each row execute function faults.note_begin();

create function faults.note_settling() returns trigger language plpgsql as $$
begin
  insert into faults.settling (request_id, before, after) values (new.id, old.settled_at, new.settled_at);
  return null;
end $$;
create trigger note_settling after update on erasure_request for each row
  when (old.settled_at is distinct from new.settled_at) execute function faults.note_settling();

create function faults.note_receipt() returns trigger language plpgsql as $$
begin
  insert into faults.receipt (request_id) values (new.id);
  return null;
end $$;
create trigger note_receipt after insert on erasure_request for each row execute function faults.note_receipt();

create function faults.note_gate() returns trigger language plpgsql as $$
begin
  insert into faults.gate_change (system, reason) values (new.system, new.reason);
  return null;
end $$;
create trigger note_gate after update on gate for each row when (old.reason is distinct from new.reason)
  execute function faults.note_gate();

create function faults.note_events() returns trigger language plpgsql as $$
begin
  insert into faults.event_written (stream, seq) select stream, seq from fresh;
  return null;
end $$;
create trigger note_events after insert on ledger_event referencing new table as fresh for each statement
  execute function faults.note_events();
`;

/** Puts the side tables into a database that has the schema of the service. */
export async function keepHistory(pool: Pool): Promise<void> {
  await pool.query(HISTORY);
}
