-- The uses of an organization, and a use by its id, are found by the time of their batch. `if not exists`: on a large log,
-- the operator creates this index concurrently before the upgrade, because verifications wait while it is built here.

create index if not exists usage_batches_by_time on usage_batches (occurred_at);
