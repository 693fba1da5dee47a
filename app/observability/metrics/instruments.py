"""Prometheus instruments of the API processes. Names end in the unit, and labels contain no ids.

Each process writes a file in a shared folder (PROMETHEUS_MULTIPROC_DIR), and any process can add up all of them.
`multiprocess_dir.py` creates the folder. The variable must be set before this module is imported.
"""

from prometheus_client import Counter, Gauge, Histogram

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
CALL_SECONDS_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
BATCH_SIZE_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

REQUESTS = Histogram(
    "keyledger_http_request_duration_seconds",
    "Duration of requests, from the first byte read to the last byte written. route is the path template, or none if "
    "no route matched.",
    ["method", "route", "status"],
    buckets=SECONDS_BUCKETS,
)
KEY_USES = Counter(
    "keyledger_key_uses_total",
    "Recorded uses of keys, by action and by decision. code: valid, or the error code of the denial.",
    ["action", "code"],
)
MCP_CALLS = Histogram(
    "keyledger_mcp_call_duration_seconds",
    "Duration of calls to MCP servers whose end was recorded.",
    ["status"],
    buckets=CALL_SECONDS_BUCKETS,
)
BATCH_SIZE = Histogram(
    "keyledger_group_commit_batch_size", "Requests that shared one transaction.", buckets=BATCH_SIZE_BUCKETS
)
BATCH_WAIT = Histogram(
    "keyledger_group_commit_wait_seconds",
    "Time that the first request of a batch waited for the previous batch.",
    buckets=SECONDS_BUCKETS,
)
BATCH_DURATION = Histogram(
    "keyledger_group_commit_duration_seconds",
    "Duration of a batch, from reading the state of its keys to its commit, including retries over new connections.",
    buckets=SECONDS_BUCKETS,
)
GROUP_COMMIT_WAITING = Gauge(
    "keyledger_group_commit_waiting_questions",
    "Requests that are waiting for a batch, in all processes.",
    multiprocess_mode="livesum",
)
GROUP_COMMIT_REFUSED = Counter(
    "keyledger_group_commit_refused_total", "Requests refused immediately because too many were waiting."
)
FAILED_BATCHES = Counter(
    "keyledger_group_commit_failed_batches_total",
    "Batches that the database did not answer in time. Their requests get a 503.",
)
GROUP_COMMIT_RECONNECTS = Counter(
    "keyledger_group_commit_reconnects_total",
    "Connections of group commit that were replaced because they broke or a batch was interrupted.",
)
RATE_LIMIT_REFUSED = Counter("keyledger_rate_limit_refused_total", "Requests refused by a rate limit.")
RATE_LIMIT_FAILED_OPEN = Counter(
    "keyledger_rate_limit_failed_open_total", "Requests admitted without being counted because Valkey was down or slow."
)
FOREIGN_SECRETS = Counter(
    "keyledger_foreign_secrets_total",
    "Presented secrets in another format than that of the service: found, unknown, or refused without a lookup.",
    ["outcome"],
)
RATE_LIMIT_FAILURES = Counter("keyledger_rate_limit_failures_total", "Failed calls to Valkey for rate limits.")
POOL_CONNECTIONS = Gauge(
    "keyledger_database_pool_connections",
    "Connections of the database pools, by state: used or idle.",
    ["state"],
    multiprocess_mode="livesum",
)
POOL_WAITING = Gauge(
    "keyledger_database_pool_waiting_requests",
    "Requests that are waiting for a pool connection.",
    multiprocess_mode="livesum",
)
POOL_REPLACED = Counter(
    "keyledger_database_pool_replaced_connections_total",
    "Pool connections that were closed and replaced. cancelled: the request was cancelled, for example at its "
    "deadline; pipeline, transaction: the request left one open; settings: they were not those of the pool; error: a "
    "statement failed in a way that the connection may have caused; lost: closed by the server.",
    ["reason"],
)
LOG_LINES_DROPPED = Counter(
    "keyledger_log_lines_dropped_total",
    "Log lines of API processes that could not be written: the disk was full, or standard error had no reader.",
)
API_PROCESSES = Gauge("keyledger_api_processes", "Running API processes of this server.", multiprocess_mode="livesum")
