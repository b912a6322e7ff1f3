#!/bin/sh
# Fails where a file is not formatted or clang-tidy objects.
set -eu
find cpp_runner \( -name '*.cpp' -o -name '*.h' -o -name '*.c' \) -print0 | xargs -0 clang-format --dry-run --Werror
cmake -S cpp_runner --preset tidy >/dev/null
cmake --build build/cpp/tidy
