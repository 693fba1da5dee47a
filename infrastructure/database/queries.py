"""Statements for connections, transactions and logins, by name."""

from typing import NamedTuple

from infrastructure.database.statements import load


class Queries(NamedTuple):
    connection_settings: bytes
    clock: bytes
    read_only: bytes
    standbys_wait: bytes
    begin_reading: bytes
    begin_writing: bytes
    begin_as_auth: bytes
    login_facts: bytes
    login_excess: bytes


SQL = load(Queries, __file__)
