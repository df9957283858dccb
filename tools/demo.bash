# What the demonstrations share: the program, a folder for their files, and commands that are shown before they run.
program=${HANDGRAD_PROGRAM:-build/release/cli/handgrad}
scratch=build/demo

# require_program MAKE_TARGET: stops unless the program has been built, and makes the folder.
require_program() {
    if [ ! -x "$program" ]; then
        echo "there is no program $program yet; 'make $1' builds it and comes back here" >&2
        exit 1
    fi
    mkdir -p "$scratch"
}

# Shows a command as one would type it here, in lines that fit a terminal and keep an option beside its value; runs it.
run() {
    local line='$' words=("$@") i part
    printf '\n'
    for ((i = 0; i < ${#words[@]}; i++)); do
        part=${words[i]}
        while [[ $part == -* && ${words[i + 1]-} && ${words[i + 1]} != -* ]]; do
            part+=" ${words[++i]}"
        done
        if ((${#line} + ${#part} > 96)); then
            printf '%s \\\n' "$line"
            line='   '
        fi
        line+=" $part"
    done
    printf '%s\n' "$line"
    "$@"
}
