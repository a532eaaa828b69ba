#!/bin/sh
# Makes sure that Needletail can be built here. Where nothing is missing, it changes nothing, asks for no
# rights and touches no network.
set -eu

oldest="6.2" # Package.swift's tools version
tools="g++ git pkg-config zstd" # zstd: the tests compress with it
libraries="libsentencepiece-dev libzstd-dev zlib1g-dev"

fail() {
  echo "bootstrap: $*" >&2
  exit 1
}

# At least $1 where $2 is found: compares dotted numbers.
at_least() {
  [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

command -v swift >/dev/null 2>&1 ||
  fail "no swift in PATH: install Swift $oldest or newer from https://www.swift.org/install/linux and put its usr/bin into PATH"
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
[ -n "$version" ] ||
  fail "\`swift --version\` names no version: expected Swift $oldest or newer at $(command -v swift)"
at_least "$oldest" "$version" ||
  fail "Swift $version at $(command -v swift) is too old: install $oldest or newer from https://www.swift.org/install/linux"

# macOS, Fedora and others: their names for these packages are not known here.
if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
  fail "this is not a Debian-like system: install what Debian calls $tools $libraries and build with \`swift build -c release\`"
fi

missing=""
for tool in $tools; do
  command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
for package in $libraries; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null 2>&1 ||
    fail "the packages$missing are missing, and installing them needs root: run \`apt-get install$missing\` as root, or install sudo"
  as_root="sudo"
fi

echo "Installing$missing" >&2
# The lists may be absent (fresh images) or stale: only then ask for new ones.
install() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing
}
install >/dev/null 2>&1 || { $as_root apt-get update && install; } ||
  fail "apt-get could not install$missing (see above): install these packages and try again"
