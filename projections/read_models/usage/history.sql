-- organization_days
-- Days with any uses, newest first. Parameters by name: organization_id; since and until, days (UTC); limit, offset
select day, sum(requests)::bigint, sum(denied)::bigint, sum(failed)::bigint, sum(billed)::bigint
from (
    select day, requests, denied, failed, billed from organization_usage_days
    where organization_id = %(organization_id)s and day between %(since)s and %(until)s
    union all
    -- Secrets that belong to no key
    select day, 0, denied, 0, 0 from organization_refusal_days
    where organization_id = %(organization_id)s and day between %(since)s and %(until)s and code = 'unauthorized'
) as days
group by day
order by day desc
limit %(limit)s offset %(offset)s

-- organization_days_total
-- The number of such days. Parameters by name, as above.
select count(*)
from (
    select day from organization_usage_days
    where organization_id = %(organization_id)s and day between %(since)s and %(until)s
    union
    select day from organization_refusal_days
    where organization_id = %(organization_id)s and day between %(since)s and %(until)s and code = 'unauthorized'
) as days
