-- popular_create
create temporary table popular_keys (place bigint, key_id text collate "C", mcp_id text collate "C")

-- popular_add
-- Adds the oldest three fifths of the used keys, which existed before the first use, in a random order that is their
-- order of popularity. `mcp_id` is the only server of a key, null for all. $1 organization
insert into popular_keys
select row_number() over (order by md5(key_id)) - 1, key_id, mcps[1]
from (
    select key_id, mcps, percent_rank() over (order by key_list.created_at) as age
    from key_list join key_recency using (key_id)
    where key_list.organization_id = %s and key_list.status = 'active' and last_used > '-infinity'
) as used
where age <= 0.6

-- popular_index
alter table popular_keys add primary key (place)

-- window_add
-- Adds one day of uses to the log. A batch has four requests and the ends of the calls of the batch before. Three of ten
-- events are calls, and as many are their ends. Parameters by name: organization_id; caller, the key that verifies;
-- mcps; start; number, of the day; batches, a multiple of the number of lanes; keys, the number of popular ones; lanes
-- and producers, which take turns
with batch as materialized (
    select n, at, 'evt_' || (
        select string_agg(
            substr('0123456789abcdefghjkmnpqrstvwxyz', ((ms >> (5 * digit)) & 31)::int + 1, 1), '' order by digit desc
        )
        from generate_series(0, 9) as digit
    ) as id_time
    from generate_series(0, %(batches)s::int - 1) as n,
         lateral (select %(start)s::timestamptz + interval '1 day' * ((n + random()) / %(batches)s)) as t (at),
         lateral (select floor(extract(epoch from at) * 1000)::bigint) as u (ms)
), drawn as materialized (
    -- A power of a random number: few keys have most of the uses, and most keys have a few.
    select n, at, id_time, turn, floor(power(random(), 6) * %(keys)s)::bigint as place, random() as kind,
           random() as refusal, 1 + floor(power(random(), 2) * cardinality(%(mcps)s::text[]))::int as server,
           1 + floor(random() * 8)::int as tool, floor(random() * 250)::int as host
    from batch, generate_series(0, 3) as turn
), request as materialized (
    select n, at, turn, id_time || 'e' || turn || '08' || substr(md5(random()::text), 1, 12) as event_id, key_id,
           coalesce(mcp_id, (%(mcps)s::text[])[server]) as mcp_id,
           (array['search', 'fetch', 'list', 'create', 'update', 'comment', 'assign', 'close'])[tool] as tool,
           case when kind < 0.43 then 'call' else 'verify' end as action,
           case when refusal > 0.05 then 'valid'
                else (array['tool_not_permitted', 'mcp_not_permitted', 'ip_not_permitted', 'rate_limited'])
                     [1 + floor(refusal * 80)::int] end as code,
           '198.51.100.' || host as ip, kind, refusal
    from drawn join popular_keys using (place)
), event as materialized (
    select n, turn, at, event_id, 'used' as kind, action, code, key_id,
           case when action = 'verify' then %(caller)s::text end as caller_key_id, mcp_id, tool, 1 as secret_version,
           null as call_id, null::int as latency_ms, code = 'valid' as billed,
           concat(
               '{"type":"api_key.used","id":"', event_id, '","occurred_at":"',
               to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '","action":"', action,
               '","code":"', code, '","organization_id":"', %(organization_id)s::text, '","key_id":"', key_id,
               '","revision":1,"secret_version":1,"mcp_id":"', mcp_id, '","tool":"', tool, '","ip":"', ip,
               '","user_agent":"mcp-client/2.1","request_id":"', md5(event_id), '"',
               case when action = 'verify' then concat(',"caller_key_id":"', %(caller)s::text, '"') end,
               case when code = 'valid' then ',"billed":true' end, '}'
           ) as body
    from request
    union all
    select b.n, turn + 4, b.at, end_id, 'completed', 'call', status, key_id, null, mcp_id, tool, null, event_id,
           latency_ms, false,
           concat(
               '{"type":"mcp.call_completed","id":"', end_id, '","occurred_at":"',
               to_char(b.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '","call_id":"', event_id,
               '","organization_id":"', %(organization_id)s::text, '","key_id":"', key_id, '","mcp_id":"', mcp_id,
               '","tool":"', tool, '","status":"', status, '","latency_ms":', latency_ms, '}'
           )
    from request as r
    join batch as b on b.n = least(r.n + 1, %(batches)s - 1),
         lateral (
             select b.id_time || 'e' || (r.turn + 4) || '08' || substr(md5(r.event_id), 1, 12) as end_id,
                    case when r.refusal > 0.97 then 'error' else 'success' end as status,
                    (20 + 900 * power(r.kind / 0.43, 4))::int as latency_ms
         ) as e
    where action = 'call' and code = 'valid'
), numbered as materialized (
    select *, (%(lanes)s::smallint[])[1 + n %% cardinality(%(lanes)s)] as lane,
           %(number)s::bigint * (%(batches)s / cardinality(%(lanes)s)) + n / cardinality(%(lanes)s) + 1 as batch_no,
           row_number() over (partition by n order by turn) - 1 as ordinal
    from event
), batches as (
    insert into usage_batches (lane, batch_no, producer, sequence, size, occurred_at)
    select lane, batch_no, (%(producers)s::text[])[1 + n %% cardinality(%(lanes)s)], batch_no, count(*), at
    from numbered
    group by lane, batch_no, n, at
)
insert into usage_events (
    lane, batch_no, ordinal, occurred_at, event_id, kind, action, code,
    organization_id, key_id, caller_key_id, mcp_id, tool, secret_version, call_id, latency_ms, billed, body
)
select lane, batch_no, ordinal, at, event_id, kind, action, code, %(organization_id)s, key_id, caller_key_id, mcp_id,
       tool, secret_version, call_id, latency_ms, billed, convert_to(body, 'UTF8')
from numbered
order by batch_no, lane, ordinal

-- heads_set
-- Sets the heads of the lanes to their last batch. $1 lanes
update lane_heads h set head = last.batch_no
from (select lane, max(batch_no) as batch_no from usage_batches where lane = any(%s) group by lane) as last
where h.log = 'usage' and h.lane = last.lane

-- billed_add
-- Counts the billed uses of the log, as the statement that appends a batch does.
insert into billed_uses (organization_id, month, lane, uses)
select organization_id, (date_trunc('month', occurred_at, 'UTC') at time zone 'UTC')::date, lane, count(*)
from usage_events
where billed
group by 1, 2, 3

-- lane_ends
-- The first and the last batch of a lane, and the number of its uses. $1 lane
select min(batch_no), min(occurred_at), max(batch_no), max(occurred_at), sum(size)::bigint from usage_batches
where lane = %s

-- large_plan
-- For this transaction, instead of usage_plan: a page of millions of uses, without a time limit.
select set_config('enable_nestloop', 'off', true), set_config('work_mem', '512MB', true)

-- checkpoint_set
-- $1 position, $2 projection, $3 lane
update checkpoints set position = %s where projection = %s and log = 'usage' and lane = %s and place = 'public'
