-- Messages of deleted organizations wait for a restoration. They are not late, so they do not count.
create or replace function webhook_waiting() returns table (failing boolean, messages bigint, due_since timestamptz)
    language sql stable security definer set search_path = pg_catalog, public as $$
    select h.failing_since is not null, sum(w.messages)::bigint, min(w.due_since)
    from (
        select webhook_id, count(*) as messages, min(due_at) as due_since
        from (
            select d.webhook_id, d.due_at from webhook_deliveries d
            where d.status = 'pending'
              and (select g.status <> 'active' from organization_guard g where g.organization_id = d.organization_id) is not true
            order by d.due_at limit 50000
        ) as first_due
        group by webhook_id
    ) as w
    left join webhook_endpoint_health h using (webhook_id)
    group by 1
$$;
