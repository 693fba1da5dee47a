-- The deletion of an organization ends all its sessions.
create index sessions_by_organization on sessions (organization_id);
