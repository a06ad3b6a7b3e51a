# Completion of noetl-catalog in fish: noetl-catalog completion fish | source
function __noetl_catalog_complete
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    # A quote that is still open is no part of the word.
    set -l word (string unescape -- $token; or string unescape -- (string sub -s 2 -- $token); or echo -- $token)
    set -l candidates ($words[1] complete $words[2..-1] "$word" 2>/dev/null)
    if test (count $candidates) -gt 0
        printf '%s\n' $candidates
    else
        __fish_complete_path "$word"
    end
end
complete -c noetl-catalog -f -a '(__noetl_catalog_complete)'
