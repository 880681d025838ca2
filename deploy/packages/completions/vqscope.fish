# SPDX-License-Identifier: Apache-2.0
# Completion for fish. Commands, flags and values are asked of the binary, so that they are always those that it has.
function __vqscope_commands
    vqscope --help 2>/dev/null | sed -nE '/^Subcommands:/,$s/^  ([a-z]+) +(.*)/\1\t\2/p'
end
# Disks that are measured unless others are asked for; with a word that begins with / their files.
function __vqscope_disks -a prefix current
    set -l under
    string match -q -- '/*' $current; and set under /dev/
    command ls /sys/block 2>/dev/null | sed -E "/^(loop|ram|zram)[0-9]+\$/d; s|!|/|g; s|^|$prefix$under|"
end
function __vqscope_words
    set -l words (commandline -opc)[2..-1]
    set -l current (commandline -ct)
    set -l plain (string match -v -- '-*' $words)
    set -l command $plain[1]
    if test "$command" = record; and set -l dashes (contains -i -- -- $words)
        if test $dashes -eq (count $words)
            complete -C "$current"
        else
            __fish_complete_path $current
        end
        return
    end
    set -l flag
    set -l prefix ''
    if string match -q -- '--*=*' $current
        set flag (string split -m 1 = -- $current)[1]
        set prefix $flag=
        set current (string split -m 1 = -- $current)[2]
    else if string match -q -- '--*' "$words[-1]"; and not string match -q -- '-*' $current
        set flag $words[-1]
    end
    # The kind of its value; none of a flag that takes no value.
    set -l type
    if test -n "$flag"; and test -n "$command"
        set type (vqscope $command --help 2>/dev/null |
            sed -nE "s/^ +(-h,)?"(string replace -a . '\.' -- $flag)" ([A-Z]+)([= ].*)?\$/\2/p")
    end
    switch "$type"
        case FORMAT LEVEL PLATFORM HOW PROBE
            for value in (vqscope $command "$flag=?" 2>&1 | sed -nE "s/.*'\?' is none of (.*)/\1/p" | string split ', ')
                echo $prefix$value
            end
            return
        case DISK
            __vqscope_disks "$prefix" $current
            return
        case FILE DIRECTORY
            for path in (__fish_complete_path $current)
                echo $prefix$path
            end
            return
        case ''
        case '*'
            return
    end
    if string match -q -- '-*' $current
        vqscope $command --help 2>/dev/null | sed -nE 's/^ +(-h,)?(--[a-z.-]+).*/\2/p'
        return
    end
    switch "$command"
        case ''
            __vqscope_commands
        case help
            test (count $plain) -gt 1; or __vqscope_commands
        case explain
            test (count $plain) -gt 1; or vqscope explain 2>/dev/null | sed -nE 's/^  ([a-z_-]+).*/\1/p'
        case doctor top
            __vqscope_disks '' $current
        case record compare
            __fish_complete_path $current
    end
end
complete -c vqscope -f -a '(__vqscope_words)'
