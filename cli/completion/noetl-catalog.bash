# Completion of noetl-catalog in bash: source <(noetl-catalog completion bash)
_noetl_catalog() {
  local line=${COMP_LINE:0:COMP_POINT} breaks=${COMP_WORDBREAKS//[^@:=]/} kept='' word words
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  word=${words[${#words[@]}-1]}
  # Bash replaces what follows the last of these characters, not the whole word.
  [[ $breaks && $word == *[$breaks]* ]] && kept=${word%"${word##*[$breaks]}"}
  mapfile -t COMPREPLY < <("${words[0]}" complete "${words[@]:1}" 2>/dev/null | cut -f1)
  [[ ${#COMPREPLY[@]} == 1 && $COMPREPLY == *[/@=] ]] && compopt -o nospace
  COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}
complete -o default -F _noetl_catalog noetl-catalog
