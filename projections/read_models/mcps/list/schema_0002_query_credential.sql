-- A credential may go into the query of the address (auth_type query).

alter table mcp_list drop constraint mcp_list_auth_type_check;
alter table mcp_list add constraint mcp_list_auth_type_check
    check (auth_type in ('none', 'bearer', 'api_key', 'basic', 'query'));
