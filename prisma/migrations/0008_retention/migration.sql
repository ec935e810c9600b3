-- What retention looks up: settled requests whose personal values still stand, by when they settled.
create index erasure_request_kept on erasure_request (settled_at) where settled_at is not null and shredded_at is null;
