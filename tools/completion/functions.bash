# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# The part of bash's completion of nestor that is the same whatever nestor's commands and tables are. Before
# it comes what gen-completion makes: _nestor_tables, which sets subcommands, options and takes, and the
# texts _nestor_models, _nestor_features, _nestor_profiles and _nestor_keys.
# shellcheck disable=SC2154,SC2001 # they are set there; a line each

_nestor_words() { # CURRENT WORD...
	local current=$1
	shift
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "$current")
}

_nestor_files() { # CURRENT [ENDING]
	compopt -o filenames 2>/dev/null
	if [ $# -gt 1 ]; then
		mapfile -t COMPREPLY < <(compgen -f -X "!*$2" -- "$1"; compgen -d -- "$1")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$1")
	fi
}

_nestor_key_values() { # KEY CURRENT
	local line
	while read -r line; do
		[ "${line%% *}" = "${1/\[0\]/.0}" ] || continue
		case ${line#* } in
		-) ;;
		@models) _nestor_words "$2" "$_nestor_models" ;;
		*) _nestor_words "$2" "${line#* }" ;;
		esac
	done <<<"$_nestor_keys"
}

_nestor_value() { # PLACEHOLDER CURRENT
	case $1 in
	KEY=VALUE)
		if [[ $2 == *=* ]]; then
			_nestor_key_values "${2%%=*}" "${2#*=}"
		else
			compopt -o nospace 2>/dev/null
			_nestor_words "$2" "$(sed 's/ .*/=/' <<<"$_nestor_keys")"
		fi
		;;
	VM.toml) _nestor_files "$2" .toml ;;
	*MODEL*) _nestor_words "$2" "$_nestor_models" ;;
	NAME) _nestor_words "$2" "$_nestor_profiles" ;;
	N | SIZE | CMDLINE) ;;
	*) _nestor_files "$2" ;;
	esac
}

_nestor() {
	local -a words=()
	local i word glue='' command='' sub='' option='' nr=0 subcommands options takes
	COMPREPLY=()
	# bash parts words at "="; put them together again.
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [ "$word" = = ] && [ ${#words[@]} -gt 0 ]; then
			words[-1]+='='
			glue=1
		elif [ -n "$glue" ]; then
			words[-1]+=$word
			glue=''
		else
			words+=("$word")
		fi
	done
	[ ${#words[@]} -gt 0 ] || return 0
	local current=${words[-1]}
	unset 'words[-1]'

	_nestor_tables ''
	for word in "${words[@]}"; do
		if [ -n "$option" ]; then
			option=''
		elif [ "$word" = "${word#-}" ]; then
			if [ -z "$command" ]; then
				command=$word
				_nestor_tables "$command"
			elif [ -n "$subcommands" ] && [ -z "$sub" ]; then
				sub=$word
				_nestor_tables "$command" "$sub"
			else
				nr=$((nr + 1))
			fi
		elif [[ " $takes " == *" $word:"* ]]; then
			option=$word
		fi
	done

	local placeholder
	if [ -z "$option" ] && [[ $current == --*=* ]]; then
		option=${current%%=*}
		current=${current#*=}
	fi
	if [ -n "$option" ]; then
		placeholder=${takes##*"$option:"}
		_nestor_value "${placeholder%% *}" "$current"
	elif [[ $current == -* ]]; then
		_nestor_words "$current" "$options"
	elif [ -n "$subcommands" ] && [ -z "$sub" ] && { [ -z "$command" ] || [ $nr -eq 0 ]; }; then
		_nestor_words "$current" "$subcommands"
	else
		case "$command $sub $nr" in
		'cpuid explain 0' | 'run  0' | 'config '* | 'nest '*) _nestor_files "$current" .toml ;;
		'cpuid explain '*) _nestor_words "${current,,}" "$_nestor_features msr" ;;
		'cpuid models '*) _nestor_words "$current" "$_nestor_models" ;;
		*) _nestor_files "$current" ;;
		esac
	fi
}
complete -F _nestor nestor
