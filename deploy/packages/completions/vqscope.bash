# SPDX-License-Identifier: Apache-2.0
# Completion for bash. Commands and flags are asked of the binary, so that they are always those that it has.
_vqscope() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command= word
  COMPREPLY=()
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      -*) ;;
      *) command=$word; break ;;
    esac
  done
  if [[ $current == -* ]]; then
    # shellcheck disable=SC2086 # no command is no word
    mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" $command --help 2> /dev/null |
      sed -nE 's/^ +(-h,)?(--[a-z.-]+).*/\2/p')" -- "$current")
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --help 2> /dev/null |
      sed -nE '/^Subcommands:/,$s/^  ([a-z]+) .*/\1/p')" -- "$current")
  elif [[ $command == help ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --help 2> /dev/null |
      sed -nE '/^Subcommands:/,$s/^  ([a-z]+) .*/\1/p')" -- "$current")
  elif [[ $command == explain ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" explain 2> /dev/null |
      sed -nE 's/^  ([a-z_-]+).*/\1/p')" -- "$current")
  elif [[ $previous == --device || $command =~ ^(doctor|top)$ && $previous != --* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(ls /sys/block 2> /dev/null)" -- "$current")
  elif [[ $previous != --url && $previous != --note && $previous != --duration && $previous != --at ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -o filenames -F _vqscope vqscope
