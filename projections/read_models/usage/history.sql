-- organization_days
-- Days with any uses, newest first. Parameters by name: organization_id; since and until, days (UTC); limit, offset
select day, sum(requests)::bigint,
       sum(denied)::bigint + coalesce((
           -- Secrets that belong to no key
           select r.denied from organization_refusal_days r
           where r.organization_id = %(organization_id)s and r.day = d.day and r.code = 'unauthorized'
       ), 0),
       sum(failed)::bigint, sum(billed)::bigint
from organization_usage_days d
where organization_id = %(organization_id)s and day between %(since)s and %(until)s
group by day
order by day desc
limit %(limit)s offset %(offset)s

-- organization_days_total
-- The number of such days. Parameters by name, as above.
select count(distinct day)
from organization_usage_days
where organization_id = %(organization_id)s and day between %(since)s and %(until)s
