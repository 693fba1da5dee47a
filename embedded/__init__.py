"""PostgreSQL and Valkey as supervised child processes, for `make run` and the tests."""
