-- listeners
-- The active webhooks of these organizations. $1 organizations
select webhook_id, organization_id, kind, events, created_at
from webhook_list where organization_id = any(%s::text[]) and status = 'active'

-- outbox_add
-- Adds each message once, even if it is repeated. Parameters by name, arrays of equal length: delivery_ids,
-- organization_ids, webhook_ids, event_ids, positions, subjects, events, bodies; and now
insert into webhook_deliveries (
    delivery_id, organization_id, webhook_id, event_id, position, subject, event, body, created_at, due_at
)
select m.*, %(now)s, %(now)s
from unnest(%(delivery_ids)s::text[], %(organization_ids)s::text[], %(webhook_ids)s::text[], %(event_ids)s::text[],
            %(positions)s::bigint[], %(subjects)s::text[], %(events)s::text[], %(bodies)b::bytea[]) as m
on conflict (webhook_id, event_id) do nothing

-- delivery_claim
-- Messages that are due, each with its next attempt set: a few per webhook, one for a failing webhook, and none for one
-- that requested a pause or belongs to a deleted organization. A message waits for an earlier one about the same
-- subject, unless that one has failed often. Parameters by name: now; lease, the next attempt; busy, webhooks to skip;
-- webhooks and each, the maximum numbers; failures_max, of an earlier message
with due as materialized (
    select d.webhook_id, d.subject, d.position, d.due_at from webhook_deliveries d
    where d.status = 'pending' and d.due_at <= %(now)s and d.webhook_id <> all(%(busy)s::text[])
      and ( -- before the limit, or messages of paused webhooks would use it up
          select s.held_until from webhook_endpoint_health s where s.webhook_id = d.webhook_id
      ) > %(now)s is not true
      -- Likewise of deleted organizations.
      and (select g.status <> 'active' from organization_guard g where g.organization_id = d.organization_id) is not true
    order by d.due_at limit 50000
)
update webhook_deliveries d set due_at = %(lease)s, attempts = d.attempts + 1
from (
    select c.delivery_id, w.kind, w.url, w.secret_version, w.previous_valid_until
    from (
        select due.webhook_id
        from due join webhook_list l using (webhook_id) left join webhook_endpoint_health f using (webhook_id)
        where l.status = 'active'
          and ( -- as a look-up for each, never as a join with all waiting messages
              select true from webhook_deliveries e
              where e.webhook_id = due.webhook_id and e.subject = due.subject and e.status = 'pending'
                and e.position < due.position and e.failures < %(failures_max)s
              limit 1
          ) is null
        group by due.webhook_id
        -- Failing webhooks come last, or many of them would delay those that respond.
        order by bool_or(f.failing_since is not null), min(due.due_at)
        limit %(webhooks)s
    ) as waiting
    join webhook_list w using (webhook_id)
    left join webhook_endpoint_health s using (webhook_id)
    cross join lateral (
        select p.delivery_id
        from webhook_deliveries p
        where p.webhook_id = w.webhook_id and p.status = 'pending' and p.due_at <= %(now)s
          and not exists (
              select from webhook_deliveries e
              where e.webhook_id = p.webhook_id and e.subject = p.subject and e.status = 'pending'
                and e.position < p.position and e.failures < %(failures_max)s
          )
        order by p.position
        limit case when s.failing_since is null then %(each)s else 1 end
        for update skip locked
    ) as c
    where w.status = 'active'
) as claimed
where d.delivery_id = claimed.delivery_id
returning d.delivery_id, d.organization_id, d.webhook_id, d.body, d.attempts, d.failures, claimed.kind, claimed.url,
          claimed.secret_version, claimed.previous_valid_until

-- delivery_finish
-- Has no effect if another worker, which took over from one that hung, delivered it. $1 status, $2 now, $3 delivery
update webhook_deliveries set status = %s, finished_at = %s where delivery_id = %s and status <> 'delivered'

-- delivery_later
-- Schedules a retry. $1 the next attempt, $2 delivery
update webhook_deliveries set due_at = %s, failures = failures + 1 where delivery_id = %s and status <> 'delivered'

-- endpoint_hold
-- Pauses the webhook. $1 until, $2 webhook
update webhook_endpoint_health set held_until = greatest(held_until, %s) where webhook_id = %s

-- endpoint_release
-- Ends the pause, because a user requested a message and has newer information than the last response. $1 webhook
update webhook_endpoint_health set held_until = null where webhook_id = %s and held_until is not null

-- deliveries_close
-- Closes the pending messages of an inactive webhook. $1 now, $2 webhook
update webhook_deliveries set status = 'failed', finished_at = %s where webhook_id = %s and status = 'pending'

-- attempt_add
-- Records an attempt.
-- $1 delivery, $2 attempt, $3 organization, $4 at, $5 status, $6 latency in ms, $7 error, $8 response
insert into webhook_attempts (delivery_id, attempt, organization_id, at, status_code, latency_ms, error, response)
values (%s, %s, %s, %s, %s, %s, %s, %s)
on conflict (delivery_id, attempt) do nothing

-- record_success
-- Records a success. $1 webhook, $2 organization, $3 now
insert into webhook_endpoint_health (webhook_id, organization_id, delivered_at) values (%s, %s, %s)
on conflict (webhook_id) do update set failing_since = null, delivered_at = excluded.delivered_at

-- record_failure
-- Records a failure. Returns the instant of the first failure since the last success, and on how many days attempts of
-- how many messages have failed since.
-- $1 webhook, $2 organization, $3 now, $4 today, $5 whether it is the first failure of its message
insert into webhook_endpoint_health as s (
    webhook_id, organization_id, failing_since, failed_on, failed_days, failed_messages
)
values (%s, %s, %s, %s, 1, 1)
on conflict (webhook_id) do update set
    failing_since = coalesce(s.failing_since, excluded.failing_since),
    failed_on = excluded.failed_on,
    failed_days = case
        when s.failing_since is null then 1
        when s.failed_on is distinct from excluded.failed_on then s.failed_days + 1
        else s.failed_days
    end,
    failed_messages = case
        when s.failing_since is null then 1
        when %s then s.failed_messages + 1
        else s.failed_messages
    end
returning failing_since, failed_days, failed_messages

-- endpoint_forgive
-- Resets the failures of a webhook. $1 webhook
update webhook_endpoint_health set failing_since = null, held_until = null
where webhook_id = %s and (failing_since is not null or held_until is not null)

-- endpoint_health_of
-- The health of an endpoint. $1 webhook
select failing_since, delivered_at from webhook_endpoint_health where webhook_id = %s

-- deliveries_page
-- Deliveries, newest first. Parameters by name: webhook_id; status, null for any; at and id of the last one seen, null
-- for the first page; limit
select delivery_id, event_id, event, status, created_at, due_at, finished_at
from webhook_deliveries
where webhook_id = %(webhook_id)s
  and (%(status)s::text is null or status = %(status)s)
  and (%(at)s::timestamptz is null or (created_at, delivery_id) < (%(at)s, %(id)s))
order by created_at desc, delivery_id desc
limit %(limit)s

-- delivery_of
-- One delivery. $1 delivery, $2 webhook
select delivery_id, event_id, event, status, created_at, due_at, finished_at
from webhook_deliveries where delivery_id = %s and webhook_id = %s

-- attempts_of
-- The attempts of deliveries. $1 deliveries
select delivery_id, attempt, at, status_code, latency_ms, error, response
from webhook_attempts where delivery_id = any(%s::text[]) order by delivery_id, attempt

-- delivery_retry
-- Makes a delivery pending again. $1 now, $2 delivery
update webhook_deliveries set status = 'pending', due_at = %s, finished_at = null where delivery_id = %s

-- deliveries_forget
-- Removes a bounded number of old deliveries. $1 made before
delete from webhook_deliveries where delivery_id = any(array(
    select delivery_id from webhook_deliveries where created_at <= %s order by created_at limit 10000
))

-- outbox_state
-- The number of messages due to webhooks that are neither paused nor of a deleted organization, ten thousand at most,
-- and the oldest due time. Parameter by name: now
select count(*), min(due_at) from (
    select d.due_at from webhook_deliveries d
    where d.status = 'pending' and d.due_at <= %(now)s
      and (select s.held_until from webhook_endpoint_health s where s.webhook_id = d.webhook_id) > %(now)s is not true
      and (select g.status <> 'active' from organization_guard g where g.organization_id = d.organization_id) is not true
    order by d.due_at limit 10000
) as due

-- waiting
-- The waiting messages of all organizations: failing, messages, the instant at which the first of them was due
select failing, messages, due_since from webhook_waiting()

-- attempt_totals
-- The total attempts by result.
select delivered, refused, unanswered from webhook_attempt_totals

-- attempt_totals_add
-- Adds to the totals. $1 delivered, $2 refused, $3 unanswered
update webhook_attempt_totals set delivered = delivered + %s, refused = refused + %s, unanswered = unanswered + %s
