-- Reports ask for the requests received in a period.
create index if not exists erasure_request_received on erasure_request (received_at, id);
