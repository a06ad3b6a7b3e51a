# Completion of noetl-catalog in bash: source <(noetl-catalog completion bash)
_noetl_catalog() {
  local line=${COMP_LINE:0:COMP_POINT} breaks=${COMP_WORDBREAKS//[^@:=]/} words=() word='' quote='' begun='' char
  # Bash replaces what follows the last of these characters or an open quote, not the whole
  # word; an @ it replaces too.
  local kept='' unquoted
  while [[ $line ]]; do
    char=${line:0:1} line=${line:1}
    case $quote$char in
      [[:space:]]) [[ $begun ]] && words+=("$word"); word='' kept='' begun='' ;;
      [\'\"]) quote=$char begun=1 unquoted=$kept kept=$word ;;
      \'\' | \"\") quote='' kept=$unquoted ;;
      \\ | \"\\) word+=${line:0:1} line=${line:1} begun=1 ;;
      *) [[ ! $quote && $breaks == *"$char"* ]] && kept=$word${char#@}
        word+=$char begun=1 ;;
    esac
  done
  words+=("$word")
  mapfile -t COMPREPLY < <("${words[0]}" complete "${words[@]:1}" 2>/dev/null | cut -f1)
  [[ ${#COMPREPLY[@]} == 1 && $COMPREPLY == *[/@=] ]] && compopt -o nospace
  COMPREPLY=("${COMPREPLY[@]#"$kept"}")
  [[ $quote || ! $COMPREPLY ]] || mapfile -t COMPREPLY < <(printf '%q\n' "${COMPREPLY[@]}")
}
complete -o default -F _noetl_catalog noetl-catalog
