#!/usr/bin/env bash
# valgrind.sh PROGRAM ARG... - runs a program and its children under valgrind; a lost block or an error is exit code 99.
exec valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect \
    --errors-for-leak-kinds=definite,indirect --trace-children=yes --child-silent-after-fork=yes "$@"
