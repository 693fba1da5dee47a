"""`keyledger completion`: the scripts with which shells complete commands and options.

A script calls the command with `_KEYLEDGER_COMPLETE` in its environment and the words of the command line as arguments.
`main` then prints what can follow, one candidate a line with a tab and its description.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from keyledger.cli import exit_codes
from keyledger.cli.grammar import Commands
from keyledger.cli.output import print_json

VARIABLE = "_KEYLEDGER_COMPLETE"

_BASH = """\
_keyledger() {
    local IFS=$'\\n' line
    COMPREPLY=()
    for line in $(@VARIABLE@=1 "${COMP_WORDS[0]}" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); do
        COMPREPLY+=("${line%%$'\\t'*}")
    done
}
complete -o bashdefault -o default -F _keyledger keyledger
"""

_ZSH = """\
_keyledger() {
    local line word description
    local -a found
    for line in "${(@f)$(@VARIABLE@=1 ${(Q)words[1]} "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        word=${line%%$'\\t'*} description=${line#*$'\\t'}
        [[ -n $word ]] && found+=("${word//:/\\\\:}${description:+:$description}")
    done
    [[ -n $found ]] && _describe -V keyledger found || _files
}
compdef _keyledger keyledger
"""

_FISH = """\
function __keyledger_candidates
    set -l words (commandline -opc)
    set -l found (env @VARIABLE@=1 $words (commandline -t) 2>/dev/null)
    if test (count $found) -gt 0
        string join \\n -- $found
    else
        __fish_complete_path (commandline -t)
    end
end

complete --command keyledger --no-files --keep-order --arguments '(__keyledger_candidates)'
"""

_SCRIPTS: Mapping[str, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}

SHELLS = tuple(_SCRIPTS)

_EQUALS = "="
"""Bash passes `--status=active` as three words. The other shells pass it as one."""


class Candidate(NamedTuple):
    word: str
    description: str


def add_commands(groups: Commands) -> None:
    command = groups.add(
        "completion",
        completion,
        "print the script with which a shell completes commands and options",
        "keyledger completion bash",
    )
    command.add_argument("shell", choices=SHELLS, help="the shell that reads the script")


def completion(arguments: argparse.Namespace) -> int:
    script = script_for(arguments.shell)
    if arguments.json:
        print_json({"shell": arguments.shell, "script": script})
    else:
        print(script, end="")
    return exit_codes.OK


def script_for(shell: str) -> str:
    """Return the script that a shell reads, for example in its startup file."""
    return _SCRIPTS[shell].replace("@VARIABLE@", VARIABLE)


def candidates(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[Candidate]:
    """Return what the last of `words` can become: commands, options, or the values of an option with choices."""
    *before, last = words or [""]
    value_of: argparse.Action | None = None
    for word in before:
        if word == _EQUALS:
            continue
        if value_of is not None:
            value_of = None
            continue
        options, commands = _options(parser), _commands(parser)
        if word in commands:
            parser = commands[word]
        elif word in options and options[word].nargs != 0:
            value_of = options[word]
    if last == _EQUALS:
        last = ""
    option, equals, _ = last.partition(_EQUALS)
    if equals and option in _options(parser):
        found = (Candidate(f"{option}={choice.word}", "") for choice in _choices(_options(parser)[option]))
    else:
        found = _candidates_in(parser, last) if value_of is None else _choices(value_of)
    return [candidate for candidate in found if candidate.word.startswith(last)]


def _candidates_in(parser: argparse.ArgumentParser, last: str) -> Iterator[Candidate]:
    if last.startswith("-"):
        for option, action in _options(parser).items():
            if option.startswith("--") and action.help != argparse.SUPPRESS:
                yield Candidate(option, action.help or "")
        return
    for name, command in _commands(parser).items():
        yield Candidate(name, command.description or "")
    for action in _actions(parser):
        if not action.option_strings and not _is_commands(action):
            yield from _choices(action)


def _choices(action: argparse.Action) -> Iterator[Candidate]:
    for choice in action.choices or ():
        yield Candidate(str(choice), "")


def _options(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    return {option: action for action in _actions(parser) for option in action.option_strings}


def _commands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    found: dict[str, argparse.ArgumentParser] = {}
    for action in _actions(parser):
        choices: Any = action.choices
        if _is_commands(action):
            found |= choices
    return found


def _is_commands(action: argparse.Action) -> bool:
    return isinstance(action.choices, dict)


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    # argparse has no public way to list the arguments of a parser. The attribute is the same in all supported versions.
    return parser._actions  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
