import argparse
import os
import sys

from embedded.console import printable
from embedded.errors import CannotStart
from embedded.run import run


def main() -> int:
    """Run `python -m embedded run`. Return 0 after an orderly stop, or 1 with one line if it cannot run."""
    parser = argparse.ArgumentParser(prog="python -m embedded", description="Keyledger on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="start everything and stay until Ctrl-C; settings come from the environment")
    parser.parse_args()
    try:
        run(os.environ)
    except CannotStart as error:
        for line in error.details:
            print(f"    {printable(line)}", file=sys.stderr)
        print(f"keyledger: {printable(str(error))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
