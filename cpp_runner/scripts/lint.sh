#!/bin/sh
# Fails if a file does not have the format of .clang-format.
set -eu
find cpp_runner \( -name '*.cpp' -o -name '*.h' -o -name '*.c' \) -print0 | xargs -0 clang-format --dry-run --Werror
