# SPDX-License-Identifier: MIT
# bash completion for tenon-modinfo and tenon-modcheck: options from their --help, modules, and
# directories where the command takes those.

_tenon_tool() {
    local cur prev words cword
    _init_completion || return
    case $prev in
    -d | --module-dir)
        _filedir -d
        return ;;
    esac
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_parse_help "$1")" -- "$cur")
    elif [[ " ${words[*]} " == *" --write-index "* || " ${words[*]} " == *" --check-index "* ]]; then
        _filedir -d
    else
        _filedir so
    fi
}

complete -F _tenon_tool tenon-modinfo tenon-modcheck
