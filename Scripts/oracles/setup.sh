#!/bin/sh
# Makes the throw-away Python environment of the oracles: Scripts/oracles/setup.sh [FOLDER]
# Needs python3 with venv (Debian: apt-get install python3-venv); nothing of it enters the product.
set -eu
folder=${1:-/tmp/oracle}
here=$(cd "$(dirname "$0")" && pwd)
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  echo "python3 with venv is missing; on Debian run: apt-get install python3-venv" >&2
  exit 1
fi
[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
"$folder/bin/python" -c 'import torch, transformers; print("torch", torch.__version__, "transformers", transformers.__version__)'
