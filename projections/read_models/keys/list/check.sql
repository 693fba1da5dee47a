-- key_counts_all
-- Counts that went back to zero have no keys in the log either.
select organization_id, facet, environment, status, keys from key_counts where keys <> 0
