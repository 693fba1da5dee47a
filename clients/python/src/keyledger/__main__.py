"""`python -m keyledger` is the command `keyledger`."""

import sys

from keyledger.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
