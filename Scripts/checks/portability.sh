#!/usr/bin/env bash
# Checks the kernels on every instruction set they are written for (Tests/KernelChecks), on an x86-64 machine:
# what the processor has natively, the others under Debian's qemu-user. One line for each; status 1 when a
# claim fails. Some minutes, nearly all of it emulation.
#
#   Scripts/checks/portability.sh [--install]      --install asks apt-get for what is missing
#
# The emulated processors are the proof that a path needs no more than it says: the Opteron of 2003 has SSE2
# and SSE3, Haswell AVX2 and no AVX-512; the dispatcher must find both out by itself. What emulation cannot
# show: speed, and reorderings of memory that arm64 allows and the x86-64 below never makes.
# Compiling for macOS needs Apple's SDK, which is not here.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ "$(uname -m)" = x86_64 ] || { echo "This check is written for an x86-64 machine; this is $(uname -m)."; exit 2; }
missing=()
need() { [ -e "$1" ] || command -v "$1" > /dev/null || missing+=("$2"); }
need qemu-x86_64 qemu-user
need aarch64-linux-gnu-ld binutils-aarch64-linux-gnu
need /usr/aarch64-linux-gnu/lib/libc.a libc6-dev-arm64-cross
need /usr/lib/gcc-cross/aarch64-linux-gnu libgcc-12-dev-arm64-cross
if [ ${#missing[@]} -gt 0 ]; then
  if [ "${1:-}" != --install ]; then
    echo "Missing: ${missing[*]}; install them with apt-get, or run this with --install."
    exit 2
  fi
  apt-get install -y --no-install-recommends "${missing[@]}"
fi

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

# Swift's clang comes first in PATH where Swift is installed; Debian's will do.
build() { # output, flags
  clang -O2 -Wall -Wextra -Werror -static "${@:2}" -ISources/CKernels/include -ITests/KernelChecks/include \
    Sources/CKernels/*.c Tests/KernelChecks/*.c Scripts/checks/portability.c -o "$1" -lpthread -lm
}
build "$place/x86-64"
build "$place/arm64" --target=aarch64-linux-gnu
# QEMU 7.2 reads 16 bytes for the 4 that a scalar vfmadd231ss takes from memory, and vmaskmovps where its mask is
# zero (which the compiler uses for an optional bias). The native AVX2 run has no such crutches.
build "$place/x86-64-qemu" -DKERNEL_CHECKS_SLACK=32 -fno-vectorize

failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# Prints what the program said, the last line behind the path's name.
check() { # instruction set in the program's words, in ours, how it is run, command…
  local status=0
  "${@:4}" "$1" > "$place/said" 2> "$place/errors" || status=$?
  sed '$d' "$place/said"
  printf '%-12s %-38s %s\n' "$2" "$3" "$(tail -n 1 "$place/said")"
  [ "$status" = 0 ] || { grep -v "TCG doesn't support" "$place/errors" || true; fail "$2, $3: status $status"; }
}

chooses() { # instruction set, command…
  local chosen
  chosen=$("${@:2}" best 2> /dev/null)
  [ "$chosen" = "$1" ] || fail "${*:2} chose $chosen instead of $1"
}

old=(qemu-x86_64 -cpu Opteron_G1) haswell=(qemu-x86_64 -cpu Haswell-v4)
printf 'int main(void) { __asm__ volatile("vxorps %%ymm0, %%ymm0, %%ymm0"); return 0; }' > "$place/avx.c"
clang -static "$place/avx.c" -o "$place/avx"
"${haswell[@]}" "$place/avx" 2> /dev/null || fail "the emulated Haswell has no AVX"
if { (ulimit -c 0; "${old[@]}" "$place/avx"); } 2> /dev/null; then
  fail "the emulated Opteron has AVX, so it proves nothing"
fi
chooses baseline "${old[@]}" "$place/x86-64"
chooses avx2 "${haswell[@]}" "$place/x86-64"
chooses baseline qemu-aarch64 "$place/arm64"

check baseline SSE2 native "$place/x86-64"
! grep -q avx2 /proc/cpuinfo || check avx2 AVX2 native "$place/x86-64"
! grep -q avx512dq /proc/cpuinfo || check avx512 AVX-512 native "$place/x86-64"
! grep -q " avx512vbmi " /proc/cpuinfo || ! grep -q " avx512_bf16 " /proc/cpuinfo || check avx512bf16 "AVX-512 bf16" native "$place/x86-64"
check baseline SSE2 "${old[*]}" "${old[@]}" "$place/x86-64"
check avx2 AVX2 "${haswell[*]}" "${haswell[@]}" "$place/x86-64-qemu"
check baseline NEON "qemu-aarch64" qemu-aarch64 "$place/arm64"
[ "$failures" = 0 ]
