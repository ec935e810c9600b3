-- What retention and the period export look up.

-- Settled requests whose personal values still stand, by when they settled.
create index erasure_request_kept on erasure_request (settled_at) where settled_at is not null and shredded_at is null;

-- The period export and the summary: requests by when they were received.
create index erasure_request_received on erasure_request (received_at, id);
