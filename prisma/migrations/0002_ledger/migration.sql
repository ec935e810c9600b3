-- The ledger: what happened, one event after another, in a form that nobody can change without its being seen.
--
-- An event is written in the transaction of the change that it tells of. Events of one stream (a request's, or a
-- system's) are numbered and chained by hash; the sealer then puts all of them into one Merkle tree and signs its head.
-- docs/evidence.md says what stands in the bytes.

-- One row: the name of this log, which stands in every checkpoint.
create table ledger (
  only_row   boolean     primary key default true check (only_row),
  origin     text        not null,
  created_at timestamptz not null default now()
);
insert into ledger (origin) values ('expunge/' || gen_random_uuid());

create table ledger_event (
  -- The id of a request, or the name of a system.
  stream     text    not null,
  seq        integer not null check (seq > 0),
  -- Canonical JSON (RFC 8785): exactly these bytes, in UTF-8, are hashed.
  body       text    not null,
  -- SHA-256 of a zero byte and the body: the event's leaf in the tree, and what its successor names as `prev`.
  leaf_hash  bytea   not null check (octet_length(leaf_hash) = 32),
  -- Its place in the tree, given once, by the sealer.
  leaf_index bigint  unique check (leaf_index >= 0),
  primary key (stream, seq)
);
create index ledger_event_unsealed on ledger_event (stream, seq) where leaf_index is null;

-- The tree, in tiles of up to 256 hashes (C2SP tlog-tiles): of leaves at level 0, of full tiles below from 1 on.
create table ledger_tile (
  level  smallint not null check (level >= 0),
  no     bigint   not null check (no >= 0),
  hashes bytea    not null check (octet_length(hashes) % 32 = 0 and octet_length(hashes) between 32 and 8192),
  primary key (level, no)
);

-- Signed heads of the tree. Of one size there is one root, for good.
create table ledger_checkpoint (
  size      bigint      primary key check (size >= 0),
  root      bytea       not null check (octet_length(root) = 32),
  -- C2SP signed note.
  note      text        not null,
  signed_at timestamptz not null default now(),
  -- When it was first given out: every bundle proves that its tree begins with those that others may hold.
  published_at timestamptz
);
create index ledger_checkpoint_published on ledger_checkpoint (size) where published_at is not null;

-- The public half of every key that signed (C2SP verifier key).
create table ledger_key (
  verifier_key text        primary key,
  first_at     timestamptz not null default now()
);

-- The rules, held even when the code is wrong.

create trigger ledger_is_kept before delete or truncate on ledger for each statement execute function refuse_removal();
create trigger ledger_event_is_kept before delete or truncate on ledger_event for each statement execute function refuse_removal();
create trigger ledger_tile_is_kept before delete or truncate on ledger_tile for each statement execute function refuse_removal();
create trigger ledger_checkpoint_is_kept before delete or truncate on ledger_checkpoint
  for each statement execute function refuse_removal();
create trigger ledger_key_is_kept before delete or truncate on ledger_key for each statement execute function refuse_removal();

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is never changed', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;
create trigger ledger_never_changes before update on ledger for each row execute function refuse_change();
create trigger ledger_key_never_changes before update on ledger_key for each row execute function refuse_change();
-- An event gets its place in the tree, once.
create trigger ledger_event_never_changes before update on ledger_event for each row
  when (old.leaf_index is not null or new.leaf_index is null
    or (new.stream, new.seq, new.body, new.leaf_hash) is distinct from (old.stream, old.seq, old.body, old.leaf_hash))
  execute function refuse_change();
-- A tile grows at its end.
create trigger ledger_tile_only_grows before update on ledger_tile for each row
  when ((new.level, new.no) is distinct from (old.level, old.no)
    or substring(new.hashes for octet_length(old.hashes)) <> old.hashes)
  execute function refuse_change();
-- A note may get further signatures, after those that it has.
create trigger ledger_checkpoint_keeps_its_root before update on ledger_checkpoint for each row
  when ((new.size, new.root, new.signed_at) is distinct from (old.size, old.root, old.signed_at)
    or not starts_with(new.note, old.note))
  execute function refuse_change();
