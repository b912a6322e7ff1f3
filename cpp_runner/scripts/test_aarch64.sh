#!/bin/sh
# Runs the tests of the aarch64 build under qemu, as the cores of the Raspberry Pi 3 and 4. qemu's default CPU would hide
# instructions that they lack.
set -eu
python=$1
build=build/cpp/aarch64
core=$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')
for cpu in cortex-a53 cortex-a72; do
    # One core means one thread: XNNPACK's pool spins while it waits, which an emulator makes endless.
    qemu="taskset -c $core qemu-aarch64 -cpu $cpu -L /usr/aarch64-linux-gnu"
    echo "== $cpu"
    $qemu $build/tests/edgekit_core_tests --gtest_brief=1
    $qemu $build/tests/edgekit_c_smoke
    EDGEKIT_RUNNER="$qemu $build/cli/edgekit-runner" "$python" -m pytest -q tests/cpp_runner -m "not installs and not aarch64"
done
"$python" -m pytest -q tests/cpp_runner/test_aarch64.py -m aarch64
