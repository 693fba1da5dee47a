-- session_add
-- Adds a session.
-- $1 session, $2 digest, $3 user, $4 organization, $5 method, $6 now, $7 now, $8 its end, $9 address, $10 user agent
insert into sessions (
    session_id, digest, user_id, organization_id, method, started_at, last_seen_at, expires_at, ip, user_agent
) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- session_remove
-- Removes a session. $1 session
delete from sessions where session_id = %s

-- sessions_remove_of
-- Removes all sessions of a user. $1 user
delete from sessions where user_id = %s

-- sessions_remove_all
-- Removes all sessions of an organization. $1 organization
delete from sessions where organization_id = %s

-- session_find
-- The session of a cookie and the current data of its user. $1 digest, $2 now, $3 seen after
select s.session_id, s.user_id, s.organization_id, m.role, v.version, s.last_seen_at
from sessions s
join member_list m on m.user_id = s.user_id
join streams v on v.stream_id = s.user_id
where s.digest = %s and s.expires_at > %s and s.last_seen_at > %s

-- session_seen
-- Records that a session was used. $1 now, $2 address, $3 user agent, $4 session, $5 not seen since
update sessions set last_seen_at = %s, ip = %s, user_agent = %s where session_id = %s and last_seen_at < %s

-- sessions_of
-- The sessions of a user, newest first. $1 user, $2 now, $3 seen after
select session_id, method, started_at, last_seen_at, expires_at, ip, user_agent
from sessions
where user_id = %s and expires_at > %s and last_seen_at > %s
order by started_at desc, session_id desc

-- link_add
-- A link for users, if there are any. $1 digest, $2 users, $3 method, $4 now, $5 its end, $6 the path to continue with
insert into sign_in_links (digest, user_ids, method, created_at, expires_at, next_path)
select digest, user_ids, method, created_at, expires_at, next_path
from (select %s::bytea, %s::text[], %s::text, %s::timestamptz, %s::timestamptz, %s::text)
    as l (digest, user_ids, method, created_at, expires_at, next_path)
where cardinality(user_ids) > 0

-- link_find
-- A sign-in link. $1 digest
select user_ids, method, expires_at, used_at, next_path from sign_in_links where digest = %s

-- link_lock
-- A sign-in link, locked: a concurrent request waits, and finds it used. $1 digest
select user_ids, method, expires_at, used_at, next_path from sign_in_links where digest = %s for update

-- link_use
-- Marks a link as used. $1 now, $2 digest
update sign_in_links set used_at = %s where digest = %s

-- people_of_address
-- The users with an address, and the address as it is stored. Users of deleted organizations are left out.
-- $1 address, folded
select u.email, u.user_id, m.organization_id, m.role, v.version
from users u
join member_list m on m.user_id = u.user_id
join streams v on v.stream_id = u.user_id
join organization_guard g on g.organization_id = m.organization_id and g.status = 'active'
where u.folded = %s
order by u.user_id

-- people_of_ids
-- The current members among these users. Members of deleted organizations are left out. $1 users
select m.user_id, m.organization_id, m.role, v.version
from member_list m
join streams v on v.stream_id = m.user_id
join organization_guard g on g.organization_id = m.organization_id and g.status = 'active'
where m.user_id = any(%s::text[])
order by m.organization_id

-- has_other_organization
-- Whether the address of a session's user belongs to a member of another organization, too. A session that began with an
-- invitation does not prove the address, so its user gets no answer about it. $1 session
select exists (
    select from sessions s
    join users u on u.user_id = s.user_id
    join users o on o.folded = u.folded and lower(o.email collate "C") = lower(u.email collate "C")
    join member_list m on m.user_id = o.user_id and m.organization_id <> s.organization_id
    join organization_guard g on g.organization_id = m.organization_id and g.status = 'active'
    where s.session_id = %s and s.method <> 'invitation'
)

-- rate_take
-- A GCRA in one statement. No row: the limit is reached. $bucket, $now, $one an attempt costs, $all that fit
insert into sign_in_rates as r (bucket, full_at)
values (%(bucket)s, %(now)s::timestamptz + %(one)s::interval)
on conflict (bucket) do update
set full_at = greatest(r.full_at, %(now)s::timestamptz) + %(one)s::interval
where greatest(r.full_at, %(now)s::timestamptz) + %(one)s::interval <= %(now)s::timestamptz + %(all)s::interval
returning full_at

-- rate_find
-- The state of a rate limit. $1 bucket
select full_at from sign_in_rates where bucket = %s

-- failure_add
-- Records a failed attempt. $1 now, $2 reason, $3 users, $4 address, $5 user agent, $6 request id
insert into sign_in_failures (at, reason, user_ids, ip, user_agent, request_id)
values (%s, %s, %s::text[], %s, %s, %s)

-- failures_latest
-- Failed attempts, newest first. $1 later than, $2 limit
select at, reason, user_ids, ip, user_agent, request_id from sign_in_failures
where at > %s order by at desc limit %s

-- sessions_forget
-- Removes a bounded number of ended sessions. $1 now, $2 seen before
delete from sessions where session_id = any(array(
    (select session_id from sessions where expires_at <= %s limit 5000)
    union all (select session_id from sessions where last_seen_at <= %s limit 5000)
))

-- links_forget
-- Removes links a while after their end, so that late uses are distinguished from wrong links. $1 ended before
delete from sign_in_links where digest = any(array(
    select digest from sign_in_links where expires_at <= %s order by expires_at limit 10000
))

-- rates_forget
-- Removes a bounded number of unused rate limits. $1 now
delete from sign_in_rates where bucket = any(array(
    select bucket from sign_in_rates where full_at <= %s order by full_at limit 10000
))

-- failures_forget
-- Removes a bounded number of old failures. $1 older than
delete from sign_in_failures where failure_id = any(array(
    select failure_id from sign_in_failures where at <= %s order by at limit 10000
))
