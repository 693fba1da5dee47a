"""Completion of the operator programs in bash, zsh and fish.

Shells look completions up by the name of a program, and all of these run as `python -m <module>`. So one script
registers a function for `python`. For our modules it asks the same interpreter, with `_OPERATOR_COMPLETE` in its
environment, and click answers (`infrastructure.cli.run`). For any other use of `python`, file names are completed, as
without the script; in zsh, its own completion of Python is used.
"""

from collections.abc import Mapping

from infrastructure.cli import COMPLETE_VARIABLE

PROGRAMS = ("app", "embedded", "eventstore", "projections", "workers")

_NAMES = ("python", "python3")

_BASH = """\
_keyledger_completion() {
    local IFS=$'\\n' response item type value
    COMPREPLY=()
    [[ ${COMP_WORDS[1]} == -m && $COMP_CWORD -ge 2 ]] || return 0
    if [[ $COMP_CWORD -eq 2 ]]; then
        COMPREPLY=($(IFS=' '; compgen -W "@PROGRAMS@" -- "${COMP_WORDS[2]}"))
        return 0
    fi
    case " @PROGRAMS@ " in *" ${COMP_WORDS[2]} "*) ;; *) return 0 ;; esac
    response=$(IFS=' '; COMP_WORDS="${COMP_WORDS[*]:2}" COMP_CWORD=$((COMP_CWORD - 2)) @VARIABLE@=bash_complete \\
        "${COMP_WORDS[0]}" -m "${COMP_WORDS[2]}" 2>/dev/null)
    for item in $response; do
        IFS=',' read -r type value <<< "$item"
        [[ $type == plain ]] && COMPREPLY+=("$value")
    done
    return 0
}
complete -o bashdefault -o default -F _keyledger_completion @NAMES@
"""

_ZSH = """\
_keyledger_completion() {
    if [[ ${words[2]} != -m || $CURRENT -lt 3 ]]; then
        (( $+functions[_python] )) || autoload -Uz _python
        _python "$@" 2>/dev/null || _files
        return
    fi
    local -a programs=(@PROGRAMS@)
    if (( CURRENT == 3 )); then
        compadd -a programs
        return
    fi
    if (( ! ${programs[(Ie)${words[3]}]} )); then
        _files
        return
    fi
    local -a response values described
    local type key description
    response=("${(@f)$(COMP_WORDS="${words[3,-1]}" COMP_CWORD=$((CURRENT - 3)) @VARIABLE@=zsh_complete \\
        ${(Q)words[1]} -m ${words[3]} 2>/dev/null)}")
    for type key description in ${response}; do
        if [[ $type != plain ]]; then
            _files
        elif [[ $description == _ ]]; then
            values+=("$key")
        else
            described+=("$key:$description")
        fi
    done
    [[ -n $described ]] && _describe -V unsorted described -U
    [[ -n $values ]] && compadd -U -V unsorted -a values
}
compdef _keyledger_completion @NAMES@
"""

_FISH = """\
function __keyledger_is_program
    set -l words (commandline -opc)
    test (count $words) -ge 3; and test $words[2] = -m; and contains -- $words[3] @PROGRAMS@
end

function __keyledger_completion
    set -l words (commandline -opc)
    for line in (env @VARIABLE@=fish_complete COMP_WORDS=(string join ' ' -- $words[3..-1]) \\
            COMP_CWORD=(commandline -t) $words[1] -m $words[3] 2>/dev/null)
        set -l parts (string split -m 1 , -- $line)
        switch $parts[1]
            case plain
                echo $parts[2]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
        end
    end
end

for name in @NAMES@
    complete --no-files --command $name --condition __keyledger_is_program --arguments '(__keyledger_completion)'
end
"""

_SCRIPTS: Mapping[str, str] = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}

SHELLS = tuple(_SCRIPTS)


def script(shell: str) -> str:
    """Return the script that a shell reads, for example in its startup file."""
    text = _SCRIPTS[shell].replace("@PROGRAMS@", " ".join(PROGRAMS)).replace("@NAMES@", " ".join(_NAMES))
    return text.replace("@VARIABLE@", COMPLETE_VARIABLE)
