#!/bin/sh
# Makes a virtual environment and installs edgekit into it. Usage: make_venv.sh PYTHON VENV TORCH_INDEX WHAT
set -eu
python=$1 venv=$2 index=$3 what=$4
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || {
    echo "edgekit: $python is $("$python" --version 2>&1); expected Python 3.11 to 3.13. Run make PYTHON=python3.12" >&2
    exit 2
}
"$python" -c 'import ensurepip' 2>/dev/null || {
    echo "edgekit: $python cannot make virtual environments; on Debian, as root: apt-get install python3-venv" >&2
    exit 2
}
[ -x "$venv/bin/pip" ] || "$python" -m venv "$venv"
# Later wheels are built without XNNPACK, and this environment would need a second one, the workshop.
torch="torch>=2.9,<2.13" torchvision="torchvision>=0.24,<0.28"
if [ -n "$index" ]; then
    # torchvision's operators load only if torch comes from the same index.
    "$venv/bin/pip" install -q --index-url "$index" "$torch" "$torchvision"
fi
"$venv/bin/pip" install -q -e "$what" "$torch" "$torchvision"
