"""The account that root assigns to the services, with everything that they need to run under it.

The services write to a separate folder inside the data folder. It is their working folder, so they need no access to
the folders above it. Files that they must reach by path are in the runtime folder.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from embedded.account import Account
from embedded.bytecode import compile_listed, compile_packages, has_bytecode
from embedded.data_dir import DataDirectory
from embedded.errors import CannotStart
from embedded.foreign_files import read_foreign
from embedded.interpreter import Interpreter, interpreter_for
from embedded.named_files import arguments_of_check
from embedded.processes import mark_of
from embedded.runtime_folder import RuntimeFolder
from embedded.service import RunAs, Service
from embedded.service_environment import service_environment
from embedded.service_folder import ServiceFolder
from embedded.socket_server import Clients
from infrastructure.settings import Settings

_LIST_BYTES_MAX = 4 * 2**20


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """The account and folders of the services.

    `temporary` is their home and temporary folder, and the working folder of services that write no files.
    """

    account: Account
    interpreter: Interpreter
    folder: ServiceFolder
    temporary: Path
    runtime: RuntimeFolder

    @classmethod
    def prepare(cls, home: DataDirectory, runtime: RuntimeFolder) -> Self:
        """Choose the account, and make folders and copies for it. Raise CannotStart if root may not do so."""
        folder = ServiceFolder(home)
        account = folder.prepare()
        runtime.make()
        temporary = runtime.private("service", account)
        interpreter = interpreter_for(account)
        compile_packages(interpreter.packages)
        return cls(account, interpreter, folder, temporary, runtime)

    def clients(self, server: str) -> Clients:
        """Return the socket folder and the group with which the services connect to a server."""
        return Clients(self.runtime.sockets(server), self.account.gid)

    def run_as(self, working_folder: Path | None = None) -> RunAs:
        # Without -S, this Python would add its own site-packages, which may contain other packages of the same names.
        return RunAs(self.account, (self.interpreter.python, "-S"), working_folder or self.temporary)

    def environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a service, without the variables that apply only to root."""
        own = {"HOME": str(self.temporary), "TMPDIR": str(self.temporary)}
        return {**service_environment(environment), **own, **self.interpreter.environment}

    def check(
        self,
        home: DataDirectory,
        settings: Settings,
        environment: Mapping[str, str],
        run_to_end: Callable[[str, Service], float],
    ) -> None:
        """Run a check under the account, which includes the files that settings name. Raise CannotStart."""
        arguments = arguments_of_check(settings, environment)
        imported = None if has_bytecode(self.interpreter.needed) else self.temporary / "imported"
        if imported:
            arguments.append(f"imported={imported}")
        service = Service(
            ("embedded.account_check", *arguments),
            log=home.new_log("account"),
            environment=self.environment(environment),
            mark=mark_of(home.folder, "account"),
            run_as=self.run_as(self.folder.path),
        )
        try:
            run_to_end("account", service)
        except CannotStart as error:
            message = f"the services cannot run as {self.account} ({error}): mend that, or start it as an ordinary user"
            raise CannotStart(message, error.details) from error
        if imported:
            with suppress(OSError):
                names = read_foreign(imported, _LIST_BYTES_MAX).decode(errors="replace").splitlines()
                compile_listed(names, self.interpreter.needed)
