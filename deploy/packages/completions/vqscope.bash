# SPDX-License-Identifier: Apache-2.0
# Completion for bash. Commands, flags and values are asked of the binary, so that they are always those that it has.
_vqscope_commands() {
  "$1" --help 2> /dev/null | sed -nE '/^Subcommands:/,$s/^  ([a-z]+) .*/\1/p'
}
# Disks that are measured unless others are asked for; with a word that begins with / their files.
_vqscope_disks() {
  local under=''
  [[ $1 == /* ]] && under=/dev/
  # shellcheck disable=SC2012 # the kernel's names have no blanks
  ls /sys/block 2> /dev/null | sed -E "/^(loop|ram|zram)[0-9]+\$/d; s|!|/|g; s|^|$under|"
  [[ $1 != /dev/disk/* ]] || compgen -f -- "$1"
}
_vqscope() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local agent=${COMP_WORDS[0]} command='' topic='' dashes='' flag='' prefix='' type='' word index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; ++index)); do
    word=${COMP_WORDS[index]}
    if [[ $word == -- && $command == record ]]; then
      dashes=$index
      break
    elif [[ $word != -* && -z $command ]]; then
      command=$word
    elif [[ $word != -* ]]; then
      topic=$word
    fi
  done
  if [[ -n $dashes ]]; then
    if ((dashes == COMP_CWORD - 1)); then
      mapfile -t COMPREPLY < <(compgen -c -- "$current")
    else
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
    return
  fi
  # "=" is a word of its own, unless COMP_WORDBREAKS is without it.
  if [[ $current == --*=* ]]; then
    flag=${current%%=*} prefix=$flag= current=${current#*=}
  elif [[ $current == = ]]; then
    flag=$previous current=''
  elif [[ $previous == = ]]; then
    flag=${COMP_WORDS[COMP_CWORD - 2]}
  elif [[ $previous == --* && $current != -* ]]; then
    flag=$previous
  fi
  # The kind of its value; none of a flag that takes no value.
  [[ -n $flag && -n $command ]] && type=$("$agent" "$command" --help 2> /dev/null |
    sed -nE "s/^ +(-h,)?${flag//./\\.} ([A-Z]+)([= ].*)?\$/\2/p")
  case $type in
    '') ;;
    FORMAT | LEVEL | PLATFORM | HOW | PROBE)
      mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$("$agent" "$command" "$flag=?" 2>&1 |
        sed -nE "s/.*'\?' is none of (.*)/\1/p" | tr -d ,)" -- "$current")
      return ;;
    DISK)
      mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_vqscope_disks "$current")" -- "$current")
      return ;;
    FILE | DIRECTORY)
      mapfile -t COMPREPLY < <(compgen -P "$prefix" -f -- "$current")
      return ;;
    *) return ;;
  esac
  if [[ $current == -* ]]; then
    # shellcheck disable=SC2086 # no command is no word
    mapfile -t COMPREPLY < <(compgen -W "$("$agent" $command --help 2> /dev/null |
      sed -nE 's/^ +(-h,)?(--[a-z.-]+).*/\2/p')" -- "$current")
    return
  fi
  case $command in
    '') mapfile -t COMPREPLY < <(compgen -W "$(_vqscope_commands "$agent")" -- "$current") ;;
    help) [[ -n $topic ]] || mapfile -t COMPREPLY < <(compgen -W "$(_vqscope_commands "$agent")" -- "$current") ;;
    explain)
      [[ -n $topic ]] || mapfile -t COMPREPLY < <(compgen -W "$("$agent" explain 2> /dev/null |
        sed -nE 's/^  ([a-z_-]+).*/\1/p')" -- "$current") ;;
    doctor | top) mapfile -t COMPREPLY < <(compgen -W "$(_vqscope_disks "$current")" -- "$current") ;;
    record | compare) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
  esac
}
complete -o filenames -F _vqscope vqscope
