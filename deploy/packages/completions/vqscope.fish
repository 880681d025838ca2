# SPDX-License-Identifier: Apache-2.0
# Completion for fish. Commands and flags are asked of the binary, so that they are always those that it has.
function __vqscope_commands
    vqscope --help 2>/dev/null | sed -nE '/^Subcommands:/,$s/^  ([a-z]+) +(.*)/\1\t\2/p'
end
function __vqscope_flags
    set -l command (commandline -opc)[2..-1]
    set command (string match -v -- '-*' $command)[1]
    vqscope $command --help 2>/dev/null | sed -nE 's/^ +(-h,)?(--[a-z.-]+).*/\2/p'
end
complete -c vqscope -n '__fish_use_subcommand' -f -a '(__vqscope_commands)'
complete -c vqscope -n '__fish_seen_subcommand_from help' -f -a '(__vqscope_commands)'
complete -c vqscope -n '__fish_seen_subcommand_from explain' -f \
    -a '(vqscope explain 2>/dev/null | sed -nE "s/^  ([a-z_-]+).*/\1/p")'
complete -c vqscope -n 'string match -q -- "-*" (commandline -ct)' -f -a '(__vqscope_flags)'
