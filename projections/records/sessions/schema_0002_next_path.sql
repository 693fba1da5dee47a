-- A sign-in continues with the page that the visitor wanted, also if the link is opened on another device.

alter table sign_in_links add column next_path text;
comment on column sign_in_links.next_path is
    'The path on this site, with its query, to redirect to after the sign-in. Null: the start page.';
