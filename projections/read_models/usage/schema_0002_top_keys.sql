-- The most used keys of a day are one range of an index, for any number of keys (docs/decisions/0048).

create index key_usage_days_by_requests on key_usage_days (organization_id, day, requests desc);
drop index key_usage_days_by_organization;
