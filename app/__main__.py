"""`python -m app serve | admin | demo | openapi`: API server, operator commands, demo data, OpenAPI document."""

import argparse
import asyncio
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import psycopg

from app.admin.arguments import HELP, add_commands
from app.admin.commands import run
from app.admin.demo import make_demo
from app.observability.metrics.multiprocess_dir import VARIABLE, shared_folder
from app.openapi.description import describe
from app.process.server import serve
from domain.refusal import Refusal
from infrastructure.database.errors import StorageError
from infrastructure.log_format import configure_logging
from infrastructure.setting import API, InvalidSetting
from infrastructure.settings import Settings


def _serve(config: Settings) -> int:
    with ExitStack() as stack:
        if not config.metrics_folder:
            # Set before the processes start: they inherit the variable, and prometheus-client reads it at import.
            os.environ[VARIABLE] = str(stack.enter_context(shared_folder()))
        serve(config)
    return 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m app", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve HTTP on HOST:PORT with API_WORKERS processes")
    demo = commands.add_parser("demo", help="create a demo organization with an owner, an MCP and two keys")
    demo.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="folder for demo.env (mode 0600)")
    demo.add_argument(
        "--mcp-url", required=True, metavar="URL", help="URL of the MCP server that the demo key may call"
    )
    add_commands(commands.add_parser("admin", help=HELP))
    commands.add_parser("openapi", help="print the OpenAPI document, as served and as stored in docs/openapi.json")
    options = parser.parse_args(arguments)
    if options.command == "openapi":
        sys.stdout.buffer.write(describe().document)
        return 0
    try:
        config = Settings.from_environment(os.environ, API)
        if options.command == "serve":
            configure_logging()
            return _serve(config)
        if options.command == "admin":
            for line in asyncio.run(run(config, options)):
                print(line)
            return 0
        asyncio.run(make_demo(config, options.to, options.mcp_url))
    except Refusal as error:
        details = [f"{name}: {value}." for name, value in error.details.items()]
        print(" ".join([error.message, *details]), file=sys.stderr)
        return 1
    except (InvalidSetting, StorageError, psycopg.Error, OSError) as error:
        print(f"{error}".strip().splitlines()[0], file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
