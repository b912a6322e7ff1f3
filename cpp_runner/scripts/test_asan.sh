#!/bin/sh
# Builds with the sanitizers and runs every test of the runner. Leaks are not checked: libtorch and Python have some.
set -eu
python=$1
cmake -S cpp_runner --preset asan -DPython3_EXECUTABLE="$python"
cmake --build build/cpp/asan
# Tests that allocate more memory than available, or crash libtorch, expect what a plain build does.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:handle_sigfpe=0 UBSAN_OPTIONS=print_stacktrace=1
ctest --test-dir build/cpp/asan --output-on-failure --no-tests=error --output-junit "$PWD/build/logs/test-runner-asan.ctest.xml"
EDGEKIT_RUNNER=build/cpp/asan/cli/edgekit-runner "$python" -m pytest -q --junitxml=build/logs/test-runner-asan.xml \
    tests/cpp_runner -m native
