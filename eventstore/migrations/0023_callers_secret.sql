-- Which secret of its key the caller of a verification used, if the key has several that work. The last use of each
-- secret shows when an earlier one is out of use, also for a key that only verifies other keys.

alter table usage_events add column caller_version integer;
comment on column usage_events.caller_version is
    'used: the version of the secret of caller_key_id, if that key had several secrets that worked.';
