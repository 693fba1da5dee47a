-- plan_mode
-- How prepared statements of this transaction are planned: $1 `force_generic_plan`, once for all parameters, or `auto`
select set_config('plan_cache_mode', %s, true)
