-- Whether the organization was deleted. Verifications read this row anyway, so a deletion refuses all keys of the
-- organization with one update.
alter table organization_guard
    add column status text not null default 'active' check (status in ('active', 'deleted', 'erased'));
comment on column organization_guard.status is
    'deleted: nothing of the organization works, and an operator can restore it. erased: deleted permanently.';
