#!/bin/sh
# Fails where a file is not formatted as .clang-format says.
set -eu
find cpp_runner \( -name '*.cpp' -o -name '*.h' -o -name '*.c' \) -print0 | xargs -0 clang-format --dry-run --Werror
