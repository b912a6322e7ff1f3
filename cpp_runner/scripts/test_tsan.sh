#!/bin/sh
# Runs the core's tests under the thread sanitizer. libtorch is not built for it, so it would see races that are none.
set -eu
cmake -S cpp_runner --preset tsan >/dev/null
cmake --build build/cpp/tsan
# A test of allocation expects what a plain build does. Addresses must not be random: the sanitizer of Debian 12
# stops where the kernel spreads them more than it knows.
TSAN_OPTIONS=halt_on_error=1:allocator_may_return_null=1 setarch -R ctest --test-dir build/cpp/tsan --output-on-failure --no-tests=error \
    --output-junit "$PWD/build/logs/test-runner-tsan.ctest.xml"
