#!/bin/sh
# Runs the tests of the aarch64 build under qemu, as the cores of the Raspberry Pi 3 and 4, at the same time. The default
# CPU of qemu has instructions that those cores lack.
set -eu
python=$1
build=build/cpp/aarch64

test_as() { # CPU
    qemu="qemu-aarch64 -cpu $1"
    $qemu $build/tests/edgekit_core_tests --gtest_brief=1
    $qemu $build/tests/edgekit_torch_tests --gtest_brief=1
    $qemu $build/tests/edgekit_c_smoke
    EDGEKIT_RUNNER="$qemu $build/cli/edgekit-runner" \
        "$python" -m pytest -q --junitxml=build/logs/test-aarch64.$1.xml tests/cpp_runner -m native
}

test_as cortex-a53 >$build/cortex-a53.log 2>&1 &
a53=$!
test_as cortex-a72 >$build/cortex-a72.log 2>&1 &
a72=$!
failed=0
wait $a53 || failed=1
wait $a72 || failed=1
for cpu in cortex-a53 cortex-a72; do
    echo "== $cpu"
    cat $build/$cpu.log
done
exit $failed
