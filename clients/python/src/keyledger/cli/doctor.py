"""`keyledger doctor`: a diagnosis of a key that sends it nowhere."""

import argparse

from keyledger.cli import exit_codes
from keyledger.cli.grammar import Commands
from keyledger.cli.output import print_json
from keyledger.cli.settings import raw_key_argument
from keyledger.secret import flaw_of


def add_commands(groups: Commands) -> None:
    command = groups.add(
        "doctor",
        doctor,
        "check the form of a key without sending it anywhere",
        "keyledger doctor - < agent.key",
    )
    command.add_argument("key", metavar="KEY", help="the key, or - to read it from standard input")


def doctor(arguments: argparse.Namespace) -> int:
    flaw = flaw_of(raw_key_argument(arguments.key))
    if arguments.json:
        print_json({"well_formed": flaw is None, "part": flaw and flaw.part, "hint": flaw and flaw.hint})
    elif flaw is None:
        print("The key is well formed: prefix, length, alphabet and checksum are correct.")
        print("To check whether it is known and active, run: keyledger keys verify -")
    else:
        print(f"Not a well-formed key. Problem: {flaw.part.replace('_', ' ')}.")
        print(flaw.hint)
    return exit_codes.OK if flaw is None else exit_codes.CHECK_FAILED
