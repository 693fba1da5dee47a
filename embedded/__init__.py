"""PostgreSQL and Valkey as supervised child processes: what `make run` and the tests stand on."""
