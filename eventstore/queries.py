"""The SQL statements of the log, by name."""

from typing import NamedTuple

from infrastructure.database.statements import load


class Queries(NamedTuple):
    begin: bytes
    bind: bytes
    commit: bytes
    outcome_lock: bytes
    event_find: bytes
    stream_load: bytes
    streams_load: bytes
    stream_advance: bytes
    events_append: bytes
    idempotency_claim: bytes
    idempotency_hold: bytes
    idempotency_find: bytes
    idempotency_store: bytes
    idempotency_start: bytes
    idempotency_find_call: bytes
    idempotency_release: bytes
    idempotency_forget: bytes
    usage_append: bytes
    usage_batch_find: bytes
    usage_partition_ensure: bytes
    lifecycle_read: bytes
    usage_read_batches: bytes
    lane_heads: bytes
    streams_all: bytes
    usage_sizes_wrong: bytes


SQL = load(Queries, __file__)
