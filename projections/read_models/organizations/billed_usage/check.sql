-- lanes_differing
-- Organizations, months and lanes whose billed uses differ from the log and the removed days together.
select organization_id, month, lane, coalesce(counted.uses, 0), coalesce(logged.uses, 0)
from billed_uses as counted
full join (
    select organization_id, month, lane, sum(uses)::bigint as uses
    from (
        select organization_id, (date_trunc('month', occurred_at, 'UTC') at time zone 'UTC')::date as month, lane, 1 as uses
        from usage_events where billed
        union all
        select organization_id, date_trunc('month', day::timestamp)::date, lane, uses from usage_removal_bills
    ) as each
    group by 1, 2, 3
) as logged using (organization_id, month, lane)
where counted.uses is distinct from logged.uses
order by organization_id, month, lane
limit 50
