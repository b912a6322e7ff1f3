#!/bin/sh
# Installs the missing ones of the Debian packages named on the command line. Without root it prints the command to run.
set -eu
missing=""
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "edgekit: these Debian packages are missing; as root: apt-get install$missing" >&2
    exit 2
fi
case "$missing" in *:arm64*) dpkg --add-architecture arm64 ;; esac
exec 9>/var/lock/edgekit-system-deps
flock 9 # another target may be installing packages
apt-get update -qq
# shellcheck disable=SC2086  # each word is one package
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
