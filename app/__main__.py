"""`python -m app serve | admin | demo | demo-data | openapi | completion`: the API server and operator commands."""
# pyright: reportUnknownMemberType=false
# (the annotations of rich-click leave type arguments out)

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from app.admin.commands import admin, read_settings
from infrastructure import cli, completion

if TYPE_CHECKING:
    from datetime import datetime


@cli.program
def commands() -> None:
    """Run the API server, manage organizations, and create demo organizations.

    The commands use the settings of the API, such as DATABASE_URL and KEYLEDGER_MASTER_KEY.
    """


commands.add_command(admin, panel="Operate")


@commands.command(panel="Run")
def serve() -> None:
    """Serve HTTP on HOST:PORT with API_WORKERS processes until a signal ends them."""
    from app.observability.metrics.multiprocess_dir import VARIABLE, shared_folder
    from infrastructure.log_format import configure_logging

    config = read_settings()
    configure_logging()
    with ExitStack() as stack:
        if not config.metrics_folder:
            # Set before the processes start: they inherit the variable, and prometheus-client reads it at import.
            os.environ[VARIABLE] = str(stack.enter_context(shared_folder()))
        # It imports prometheus-client.
        from app.server.serve import serve

        serve(config)


@commands.command(panel="Operate")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FOLDER",
    help="Folder for demo.env, which only its owner may read.",
)
@click.option("--mcp-url", required=True, metavar="URL", help="URL of the MCP server that the demo key may call.")
@cli.yes_option
def demo(*, folder: Path, mcp_url: str, yes: bool) -> None:
    """Create a demo organization with an owner, an MCP and two keys.

    It may be repeated: it creates only what is missing. In a database with other organizations it asks first, because
    an organization can never be removed.
    """
    from app.admin.demo import has_other_organizations, make_demo

    config = read_settings()
    if not yes and asyncio.run(has_other_organizations(config)):
        cli.confirm("This adds the demo organization permanently to a database with other organizations.", yes=yes)
    with cli.progress("creating the demo", "parts") as progress:
        asyncio.run(make_demo(config, folder, mcp_url, progress))


@commands.command("demo-data", panel="Operate")
@click.option(
    "--slug", default="northwind", metavar="SLUG", help="Slug of the organization, and part of its addresses."
)
@click.option("--seed", type=int, default=1, metavar="NUMBER", help="Another number gives another history.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%dT%H:%MZ"]),
    metavar="TIME",
    show_default="the last full hour",
    help="End of the history in UTC, such as 2026-11-01T12:00Z.",
)
@click.option(
    "--mcp-url",
    metavar="URL",
    show_default="addresses that do not exist",
    help="URL of an MCP server that stands for all servers of the organization but one.",
)
@cli.yes_option
@cli.json_option
def demo_data(*, slug: str, seed: int, until: "datetime | None", mcp_url: str | None, yes: bool, as_json: bool) -> None:
    """Create the demo organization Northwind with a month of history: members, servers, 300 keys, 40,000 uses.

    Three days before the end a key leaks and is revoked. The read models are complete when the command ends. Stop the
    workers before, and start them afterwards: they would record the expiries of the history as if they happened now.
    If the organization exists already, nothing is added. After an interrupted run, choose another --slug: an
    organization can never be removed. `make demo-data` does all of this for the data of `make run`.
    """
    from app.admin.demo_data.command import create, lines_of

    config = read_settings()
    made = create(config, slug=slug, seed=seed, until=until, mcp_url=mcp_url, yes=yes)
    document = {"created": None if made.data is None else made.data._asdict(), "sign_in_link": made.link}
    cli.show(document, lines_of(made, slug, config.public_url), as_json=as_json)


@commands.command(panel="Print")
def openapi() -> None:
    """Print the OpenAPI document, as it is served and stored in docs/openapi.json."""
    from app.openapi.description import describe
    from app.routes import ROUTES

    sys.stdout.flush()
    sys.stdout.buffer.write(describe(ROUTES).document)


@commands.command("completion", panel="Print")
@click.argument("shell", metavar="SHELL", type=click.Choice(completion.SHELLS), help="bash, zsh or fish.")
def print_completion(*, shell: str) -> None:
    """Print the script that completes the commands of all programs in a shell.

    In bash: source <(python -m app completion bash)
    """
    click.echo(completion.script(shell), nl=False)


def _explain(error: Exception, _environment: Mapping[str, str]) -> str | None:
    from domain.refusal import Refusal
    from infrastructure.setting import InvalidSetting

    if isinstance(error, Refusal):
        details = [f"{name}: {value}." for name, value in error.details.items()]
        return " ".join([error.message, *details])
    line = str(error) if isinstance(error, InvalidSetting) else cli.explain_database_error(error)
    return None if line is None else line.strip().partition("\n")[0]


def main(arguments: list[str]) -> int:
    """Return 0 on success, 1 with one line for an expected failure, and 2 for invalid arguments."""
    return cli.run(commands, "app", arguments, os.environ, _explain)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
