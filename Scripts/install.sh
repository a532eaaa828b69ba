#!/bin/sh
# Usage: Scripts/install.sh PREFIX. Puts the built command, the library it needs and the recipes under PREFIX:
#   bin/needletail   lib/needletail/libsentencepiece*.so.0   share/needletail/Recipes/
# The command finds its library relative to itself, so PREFIX can be moved as a whole.
set -eu

[ $# -eq 1 ] && [ -n "$1" ] || { echo "install: usage: Scripts/install.sh PREFIX" >&2; exit 2; }
prefix="${DESTDIR:-}$1"
root=$(cd "$(dirname "$0")/.." && pwd)
binary="$root/.build/release/needletail"
[ -x "$binary" ] || { echo "install: $binary is missing: run \`make build\` first" >&2; exit 1; }
mkdir -p "$prefix" 2>/dev/null && [ -w "$prefix" ] ||
  { echo "install: cannot write to $prefix: run as root, or choose another with PREFIX=\$HOME/.local" >&2; exit 1; }

install -d "$prefix/bin" "$prefix/lib/needletail" "$prefix/share/needletail/Recipes"
install -s -m 755 "$binary" "$prefix/bin/needletail"
install -m 644 "$root"/Recipes/*.yaml "$prefix/share/needletail/Recipes"
install -m 644 "$root/LICENSE" "$prefix/share/needletail"
ldd "$binary" | awk '/libsentencepiece/ { print $1, $3 }' | while read -r name path; do
  install -m 644 "$path" "$prefix/lib/needletail/$name"
done

"$prefix/bin/needletail" --help >/dev/null ||
  { echo "install: $prefix/bin/needletail was installed and does not start" >&2; exit 1; }
echo "Installed $prefix/bin/needletail ($(du -h "$prefix/bin/needletail" | cut -f 1)); its recipes are in $prefix/share/needletail/Recipes."
