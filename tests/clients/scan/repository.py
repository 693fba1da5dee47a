"""Keys and git repositories for the tests of `keyledger scan`."""

import os
import subprocess
from pathlib import Path

from domain.environment import Environment
from domain.secret import ENTROPY_BYTES, generate
from tests.random_input import random_bytes


def new_key(environment: Environment = "live") -> str:
    """Return a key that no service knows."""
    return generate(environment, random_bytes(ENTROPY_BYTES)).reveal()


class Repository:
    """A git repository with a working tree, whose commits have no other configuration than that of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str | bytes, stdin: bytes = b"") -> str:
        environment = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        ran = subprocess.run(
            ["git", "-C", str(self.folder), "-c", "protocol.file.allow=always", *arguments],
            input=stdin,
            env=environment,
            capture_output=True,
            check=True,
        )
        return ran.stdout.decode("utf-8", "replace").strip()

    def commit(self, message: str = "a change", **files: str) -> str:
        """Write these files, commit everything, and return the id of the commit."""
        for name, content in files.items():
            (self.folder / name).write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}")
        return self.git("rev-parse", "HEAD")
