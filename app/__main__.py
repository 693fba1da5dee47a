"""`python -m app serve | admin | demo | openapi | completion`: the API server and operator commands."""
# pyright: reportUnknownMemberType=false
# (the annotations of rich-click leave type arguments out)

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import rich_click as click

from app.admin.commands import admin, read_settings
from infrastructure import cli, completion


@cli.program
def commands() -> None:
    """Run the API server, manage organizations, and create the demo organization.

    The commands use the settings of the API, such as DATABASE_URL and KEYLEDGER_MASTER_KEY.
    """


commands.add_command(admin, panel="Operate")


@commands.command(panel="Run")
def serve() -> None:
    """Serve HTTP on HOST:PORT with API_WORKERS processes until a signal ends them."""
    from app.observability.metrics.multiprocess_dir import VARIABLE, shared_folder
    from app.process.server import serve
    from infrastructure.log_format import configure_logging

    config = read_settings()
    configure_logging()
    with ExitStack() as stack:
        if not config.metrics_folder:
            # Set before the processes start: they inherit the variable, and prometheus-client reads it at import.
            os.environ[VARIABLE] = str(stack.enter_context(shared_folder()))
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
