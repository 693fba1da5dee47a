-- key_counts_all
-- Counts other than zero. A count that went back to zero has no keys in the log either.
select organization_id, facet, environment, status, keys from key_counts where keys <> 0
