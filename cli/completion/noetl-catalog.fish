# Completion of noetl-catalog in fish: noetl-catalog completion fish | source
function __noetl_catalog_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l candidates ($words[1] complete $words[2..-1] "$word" 2>/dev/null)
    if test (count $candidates) -gt 0
        printf '%s\n' $candidates
    else
        __fish_complete_path "$word"
    end
end
complete -c noetl-catalog -f -a '(__noetl_catalog_complete)'
