-- lifecycle
-- The changes of a key, newest first. Parameters by name: key_id, organization_id, type, ip, since (inclusive), until
-- (exclusive), last_at and last_id (the last one seen), limit. Null: no bound. Only a revocation has a reason: with
-- reason, which is compared later, the only change is the revocation.
select occurred_at, event_id, body from events
where stream_id = %(key_id)s and organization_id = %(organization_id)s
  and (%(type)s::text is null or type = %(type)s) and (%(ip)s::text is null or ip = %(ip)s)
  and (%(reason)s::text is null or type = 'api_key.revoked')
  and occurred_at >= coalesce(%(since)s, '-infinity'::timestamptz) and occurred_at < coalesce(%(until)s, 'infinity'::timestamptz)
  and (occurred_at, event_id) < (coalesce(%(last_at)s, 'infinity'::timestamptz), coalesce(%(last_id)s::text, ''))
order by occurred_at desc, event_id desc
limit %(limit)s

-- lifecycle_after
-- The changes of a key after a version, in their order. Parameters by name: version, and as above without the last one
-- seen.
select occurred_at, event_id, body, version from events
where stream_id = %(key_id)s and organization_id = %(organization_id)s and version > %(version)s
  and (%(type)s::text is null or type = %(type)s) and (%(ip)s::text is null or ip = %(ip)s)
  and (%(reason)s::text is null or type = 'api_key.revoked')
  and occurred_at >= coalesce(%(since)s, '-infinity'::timestamptz) and occurred_at < coalesce(%(until)s, 'infinity'::timestamptz)
order by version
limit %(limit)s

-- uses_plan
-- For this transaction: plan a prepared statement once for all parameters. The uses of a key may be in any partition, and
-- planning for ninety of them takes longer than reading a page.
select set_config('plan_cache_mode', 'force_generic_plan', true)

-- uses
-- The uses of a key that match, newest first, among its newest uses: at most scan uses are read. If so many were read
-- without finding limit matches, the last row is the oldest use that was read, without its body. It is looked up only
-- then, because the second part runs only if the first part has not found limit matches. Parameters by name: as above
-- without the type, then the filters, null: any; scan.
(
    with searched as (
        select occurred_at, event_id, action, code, mcp_id, tool, secret_version, body from usage_events
        where key_id = %(key_id)s and organization_id = %(organization_id)s and kind = 'used'
          and occurred_at >= coalesce(%(since)s, '-infinity'::timestamptz) and occurred_at < coalesce(%(until)s, 'infinity'::timestamptz)
          and (occurred_at, event_id) < (coalesce(%(last_at)s, 'infinity'::timestamptz), coalesce(%(last_id)s::text, ''))
        order by occurred_at desc, event_id desc
        limit %(scan)s
    )
    \ir matching.sql
    order by occurred_at desc, event_id desc
    limit %(limit)s
)
union all (
    select occurred_at, event_id, null from usage_events
    where key_id = %(key_id)s and organization_id = %(organization_id)s and kind = 'used'
      and occurred_at >= coalesce(%(since)s, '-infinity'::timestamptz) and occurred_at < coalesce(%(until)s, 'infinity'::timestamptz)
      and (occurred_at, event_id) < (coalesce(%(last_at)s, 'infinity'::timestamptz), coalesce(%(last_id)s::text, ''))
    order by occurred_at desc, event_id desc
    limit 1 offset %(scan)s - 1
)
limit %(limit)s

-- uses_after
-- As uses, but oldest first after (after_at, after_id), and among the first uses after that.
(
    with searched as (
        select occurred_at, event_id, action, code, mcp_id, tool, secret_version, body from usage_events
        where key_id = %(key_id)s and organization_id = %(organization_id)s and kind = 'used'
          and occurred_at >= greatest(%(since)s::timestamptz, %(after_at)s::timestamptz)
          and occurred_at < coalesce(%(until)s, 'infinity'::timestamptz)
          and (occurred_at, event_id) > (%(after_at)s::timestamptz, %(after_id)s::text)
        order by occurred_at, event_id
        limit %(scan)s
    )
    \ir matching.sql
    order by occurred_at, event_id
    limit %(limit)s
)
union all (
    select occurred_at, event_id, null from usage_events
    where key_id = %(key_id)s and organization_id = %(organization_id)s and kind = 'used'
      and occurred_at >= greatest(%(since)s::timestamptz, %(after_at)s::timestamptz)
      and occurred_at < coalesce(%(until)s, 'infinity'::timestamptz)
      and (occurred_at, event_id) > (%(after_at)s::timestamptz, %(after_id)s::text)
    order by occurred_at, event_id
    limit 1 offset %(scan)s - 1
)
limit %(limit)s

-- position
-- The position of one entry: its time, and the version of the key if it is a change. The id of a use contains the
-- millisecond of its time. Parameters by name: event_id, key_id, organization_id; since (inclusive) and until (exclusive), around
-- that time.
select occurred_at, version from events
where event_id = %(event_id)s and stream_id = %(key_id)s and organization_id = %(organization_id)s
union all
select occurred_at, null from usage_events
where key_id = %(key_id)s and organization_id = %(organization_id)s and kind = 'used' and event_id = %(event_id)s
  and occurred_at >= %(since)s::timestamptz and occurred_at < %(until)s::timestamptz

-- version_before
-- The version of a key before an entry. Parameters by name: key_id, organization_id, at, event_id.
select coalesce(max(version), 0) from events
where stream_id = %(key_id)s and organization_id = %(organization_id)s and (occurred_at, event_id) < (%(at)s, %(event_id)s::text)
