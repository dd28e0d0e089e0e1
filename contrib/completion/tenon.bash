# SPDX-License-Identifier: MIT
# bash completion for tenon. Options, names and properties are what the program itself lists, so
# they are those of the modules that are installed.

# Runs the program that is being completed, for the guest that the line so far chooses.
_tenon_ask() {
    local i target=()
    for ((i = 1; i < cword - 1; i++)); do
        [[ ${words[i]} == -target || ${words[i]} == --target ]] && target=(-target "${words[i + 1]}")
    done
    "${words[0]/#\~/$HOME}" "${target[@]}" "$@" 2>/dev/null </dev/null
}

# The names that `-OPTION help` lists.
_tenon_names() {
    case $1 in
    device) _tenon_ask -device help | sed -n 's/^name "\([^"]*\)".*/\1/p' ;;
    cpu) _tenon_ask -cpu help | sed -n 's/^x86 \([^ ]*\).*/\1/p' ;;
    *) _tenon_ask "-$1" help | sed -n '/:$/d; s/^ *\([^ ]*\).*/\1/p' ;;
    esac
}

# The lines "PROPERTY TYPE" of one thing: TYPE is bool, str, ..., or names with slashes between.
_tenon_properties() {
    case $1 in
    cpu) _tenon_ask -cpu help | sed -n '/CPUID flags/,$p' | tail -n +2 | tr -s ' ' '\n' |
        sed -n 's/..*/& bool/p' ;;
    *) _tenon_ask "-$1" "$2,help" | sed -n 's/^ *\([^ =]*\)=<\([^>]*\)>.*/\1 \2/p' ;;
    esac
    case $1 in
    device) echo 'id str'; echo 'bus str' ;;
    chardev) echo 'id str' ;;
    machine) echo "accel $(_tenon_names accel | paste -sd/)" ;;
    esac
}

# NAME[,PROPERTY[=VALUE]]...: offers what comes next.
_tenon_thing() {
    local option=$1 before=${cur%,*} last=${cur##*,} found
    if [[ $cur != *,* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_tenon_names "$option") help" -- "$cur")
        compopt -o nospace
        return
    fi
    local properties=$(_tenon_properties "$option" "${cur%%,*}")
    if [[ $last == *=* ]]; then
        found=$(sed -n "s/^${last%%=*} //p" <<<"$properties")
        case $found in
        bool) found='on off' ;;
        */*) found=${found//\// } ;;
        *) found= ;;
        esac
        mapfile -t COMPREPLY < <(compgen -P "$before,${last%%=*}=" -W "$found" -- "${last#*=}")
    elif [[ $option == cpu && $last == [+-]* ]]; then
        found=$(cut -d' ' -f1 <<<"$properties")
        mapfile -t COMPREPLY < <(compgen -P "$before,${last:0:1}" -W "$found" -- "${last:1}")
    else
        found=$(sed 's/ .*/=/' <<<"$properties")
        mapfile -t COMPREPLY < <(compgen -P "$before," -W "$found help" -- "$last")
        compopt -o nospace
    fi
}

# The argument of `-OPTION` as -h prints it.
_tenon_argument() {
    _tenon_ask -h | sed -n "s/^-$1 \([^ ]*\).*/\1/p"
}

# Items of a list with commas between.
_tenon_items() {
    local before=
    [[ $cur == *,* ]] && before=${cur%,*},
    mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${cur##*,}")
    compopt -o nospace
}

_tenon() {
    local cur prev words cword option
    _get_comp_words_by_ref -n =: cur prev words cword || return
    option=${prev#-}
    option=${option#-}
    [[ $option == M ]] && option=machine
    case $prev in
    -device | --device | -machine | --machine | -M | -cpu | --cpu | -accel | --accel | \
        -chardev | --chardev | -object | --object)
        _tenon_thing "$option" ;;
    -target | --target | -display | --display)
        mapfile -t COMPREPLY < <(compgen -W "$(_tenon_names "$option") help" -- "$cur") ;;
    -d) _tenon_items "$(_tenon_names d) help" ;;
    -bios | --bios | -kernel | --kernel | -initrd | --initrd | -dtb | --dtb | -D | \
        -qtest-log | --qtest-log)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames ;;
    -L)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        compopt -o filenames ;;
    -serial | --serial | -parallel | --parallel | -debugcon | --debugcon)
        mapfile -t COMPREPLY < <(compgen -W 'none null stdio mon:stdio pty file: chardev:' -- "$cur")
        compopt -o nospace ;;
    -vga | --vga | -nic | --nic | -net | --net | -monitor | --monitor)
        mapfile -t COMPREPLY < <(compgen -W none -- "$cur") ;;
    -?*)
        if [[ $cur != -* ]]; then
            _tenon_items "$(_tenon_argument "$option" | grep -o '[a-z-]*=' | sort -u)"
        fi ;;
    esac
    if [[ $cur == -* && ${#COMPREPLY[@]} == 0 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_tenon_ask -h | sed -n 's/^\(-[^ ]*\).*/\1/p')" -- "$cur")
    fi
    # Readline replaces only what stands after the last = or :.
    local kept=${cur%"${cur##*[=:]}"}
    [[ $kept ]] && COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}

complete -F _tenon tenon tenon-system-x86_64 tenon-system-i386
