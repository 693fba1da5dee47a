-- When the organization was deleted, until when an operator can restore it, and when it was erased.
alter table organization_list
    add column deleted_at       timestamptz,
    add column restorable_until timestamptz,
    add column erased_at        timestamptz;
comment on column organization_list.deleted_at is 'Null: it is not deleted.';
comment on column organization_list.restorable_until is 'Set between the deletion and the erasure, which follows this time.';
comment on column organization_list.erased_at is 'When its credentials and addresses were erased. The other columns stay, for operators.';
create index organization_list_to_erase on organization_list (restorable_until) where restorable_until is not null;
