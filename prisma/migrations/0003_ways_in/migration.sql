-- Ways in: keys that are made and revoked, limits that hold over all processes, and the subject directory.

-- Names are for people; two keys may share one. A revoked key stays as a row: requests and events name it as their actor.
alter table api_key
  drop constraint api_key_name_key,
  add column created_by text,
  add column revoked_at timestamptz,
  -- The key of BOOTSTRAP_API_KEY, or the one made at the first start.
  add column bootstrap boolean not null default false;
update api_key set bootstrap = true where name = 'bootstrap';
create unique index api_key_bootstrap on api_key (bootstrap) where bootstrap and revoked_at is null;
create index api_key_admins on api_key (id) where revoked_at is null and 'admin' = any (scopes);

-- How often something was done in its current window, over all processes. Never a name or an address: keyed digests and
-- ids of keys. Lost with a crash of the server, which does no harm, and so cheap to write.
create unlogged table rate_window (
  key     text        primary key,
  hits    integer     not null check (hits >= 0),
  ends_at timestamptz not null
);
create index rate_window_over on rate_window (ends_at);

-- What is known of a subject until they ask to be forgotten: their targets, sealed under a key of this entry.
create table directory_entry (
  -- New with every replacement: whoever copied the targets knows by it whether they are still the same.
  id              uuid        primary key,
  subject_digest  bytea       not null unique,
  -- The entry's key, wrapped under DATA_KEY.
  wrapped         bytea       not null,
  generation      integer     not null references installation (generation) on update cascade,
  sealed_subject  bytea       not null,
  sealed_targets  bytea       not null,
  replaced_at     timestamptz not null default now()
);

-- The entry out of which a request took its targets. It may have been replaced or forgotten since, so it is not referenced.
create table directory_use (
  request_id uuid primary key references erasure_request,
  entry_id   uuid not null
);
