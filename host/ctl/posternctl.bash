# SPDX-License-Identifier: Apache-2.0
# Completion of posternctl for bash: words of the commands that `posternctl help` lists, which
# come from the server or, without one, from the configured plugins.

# The usage of the command of these one or two words.
_posternctl_usage ()
{
  local line found=
  while read -r line; do
    case "$line " in
      "$1 $2 "*) found=$line; break ;;
      "$1 "*) [[ $line =~ ^"$1"\ [a-z] ]] || found=$line ;;
    esac
  done
  printf '%s\n' "$found"
}

# What the usage of the command of these words has in the place of the next one, "add|list" or
# "[debug|info]".  Words in capitals stand for something else.
_posternctl_choices ()
{
  local usage word
  usage=$(_posternctl_usage "$1" "${2-}")
  for word; do
    # Words of the name, and one argument of the usage for each that was typed.
    [[ $usage == "$word "* || $usage =~ ^\[?[^\ -] ]] || return
    [[ $usage == *' '* ]] && usage=${usage#* } || return
  done
  word=${usage%% *}
  [[ $word =~ ^\[?[a-z-]+(\|[a-z-]+)+\]?$ ]] && tr -d '[]' <<<"${word//|/ }"
}

_posternctl ()
{
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  local word options=() words=() skip=no i usages commands

  case $previous in
    --config | --socket)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $skip,$word in
      yes,*) options+=("$word"); skip=no ;;
      no,--config | no,--socket) options+=("$word"); skip=yes ;;
      no,-*) ;;
      *) words+=("$word") ;;
    esac
  done
  if [[ $current == -* && ${#words[@]} -eq 0 ]]; then
    mapfile -t COMPREPLY < <(compgen -W '--config --socket --json --help --version' -- "$current")
    return
  fi
  # Lines of two spaces, a name and arguments.
  usages=$(posternctl "${options[@]}" help 2>/dev/null | sed -n 's/^  \([a-z].*\)/\1/p')
  if [[ $current == -* ]]; then
    # The options of the command, "[--since SEQUENCE]" and the like, and those of all.
    word=$(printf '%s\n' "$usages" | _posternctl_usage "${words[0]}" "${words[1]-}" \
      | grep -o -e '--[a-z][a-z-]*')
    mapfile -t COMPREPLY < <(compgen -W "$word --json --help" -- "$current")
    return
  fi
  # The words of a name are those in lower case.
  commands=$(printf '%s\n' "$usages" | sed -n 's/^\([a-z][a-z -]*\).*/\1/p')
  case ${#words[@]} in
    0) word=$(printf '%s\n' "$commands" | sed 's/ .*//' | sort -u) ;;
    1) word=$(printf '%s\n' "$commands" | sed -n "s/^${words[0]//[^a-z-]/} \([a-z-]*\).*/\1/p") ;;
    *) word= ;;
  esac
  if [ -z "$word" ]; then
    word=$(printf '%s\n' "$usages" | _posternctl_choices "${words[@]}")
  fi
  if [ -n "$word" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$word" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -o filenames -F _posternctl posternctl
