#!/bin/sh
# Cross-builds the runner for 64-bit ARM boards and packs it with its libraries, except the C library.
# Usage: build_aarch64.sh PYTHON MODEL
set -eu
python=$1
model=build/mobile/$2/$2.ptl
# 2.9.1 is the newest wheel for the CPU only that runs on Cortex-A53 and A72: 2.10 needs LSE atomics, later ones CUDA.
version=2.9.1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/edgekit
torch=$cache/torch-$version-aarch64
build=build/cpp/aarch64
bundle=build/edgekit-aarch64

if [ ! -d "$torch" ]; then
    mkdir -p "$cache"
    scratch=$(mktemp -d "$cache/.fetch.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
    "$python" -m pip download -q --no-deps --only-binary=:all: --platform manylinux_2_28_aarch64 \
        --python-version 3.11 -d "$scratch" "torch==$version"
    "$python" -m zipfile -e "$scratch"/torch-*.whl "$scratch/wheel"
    mv "$scratch/wheel" "$torch"
fi

cmake -S cpp_runner --preset aarch64 -DPython3_EXECUTABLE="$python" -DEDGEKIT_TORCH_ROOT="$torch/torch"
cmake --build "$build"

rm -rf "$bundle"
cmake --install "$build" --prefix "$bundle" --component runtime >/dev/null
"$python" cpp_runner/scripts/collect_libraries.py "$bundle/lib" "$bundle/bin/edgekit-runner" "$torch/torch/lib" \
    "$torch/torch.libs" /usr/lib/aarch64-linux-gnu
aarch64-linux-gnu-strip --strip-unneeded "$bundle"/bin/* "$bundle"/lib/*
cp cpp_runner/scripts/bundle_README.txt "$bundle/README.txt"
cp LICENSE NOTICE "$bundle/"
if [ -f "$model" ]; then
    cp "$model" "$bundle/"
else
    echo "edgekit: the bundle contains no package, because $model does not exist (make export-mobile)" >&2
fi

archive=build/edgekit-aarch64.tar.zst
tar -C build --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -c edgekit-aarch64 | zstd -q -10 -T0 -f -o "$archive.part"
mv "$archive.part" "$archive"
du -m "$bundle" "$archive" | awk '{print $2 ": " $1 " MB"}' | tail -2
