#compdef noetl-catalog
# Completion of noetl-catalog in zsh: source <(noetl-catalog completion zsh)
_noetl_catalog() {
  local line
  local -a candidates shown open openShown
  for line in ${(f)"$($words[1] complete "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)"}; do
    if [[ ${line%%$'\t'*} == *[/@=] ]]; then
      open+=(${line%%$'\t'*}) openShown+=(${line/$'\t'/  })
    else
      candidates+=(${line%%$'\t'*}) shown+=(${line/$'\t'/  })
    fi
  done
  if (( $#candidates + $#open == 0 )); then
    _files
    return
  fi
  compadd -l -d shown -a candidates
  compadd -S '' -l -d openShown -a open
}
compdef _noetl_catalog noetl-catalog
