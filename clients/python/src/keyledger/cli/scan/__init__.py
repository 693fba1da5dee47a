"""`keyledger scan`: keys in files, in the history of git and in other text."""
