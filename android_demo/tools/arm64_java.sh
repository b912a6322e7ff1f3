#!/bin/sh
# Unpacks Debian's arm64 Java into a folder, for qemu; installing it would change the host's own Java.
set -eu
folder="$1"
[ -x "$folder/root/usr/lib/jvm/java-17-openjdk-arm64/bin/java" ] && exit 0
dpkg --print-foreign-architectures | grep -qx arm64 || dpkg --add-architecture arm64
apt-get update -qq
mkdir -p "$folder/debs"
cd "$folder/debs"
apt-get download -qq openjdk-17-jre-headless:arm64 libc6:arm64 libgcc-s1:arm64 libstdc++6:arm64 zlib1g:arm64
for package in *.deb; do dpkg -x "$package" ../root; done
