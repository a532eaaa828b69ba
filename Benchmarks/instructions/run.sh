#!/usr/bin/env bash
# Counts the instructions of each hot kernel (apt: valgrind; its callgrind repeats to the instruction) on the
# baseline and AVX2 paths, and compares them with thresholds.txt. Status 1 when a kernel takes over 2 % more.
#
#   Benchmarks/instructions/run.sh [--update]      --update makes what was counted the thresholds
#
# Counts belong to a compiler and a C library: after a new toolchain, update them in a commit of their own.
# They say nothing about cache or ports, so a kernel may become slower with fewer; Benchmarks/kernels has the time.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
thresholds=$here/thresholds.txt
command -v valgrind > /dev/null && [ -e /usr/include/valgrind/callgrind.h ] \
  || { echo "Missing: valgrind; install it with apt-get."; exit 2; }
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

clang -O2 -Wall -Wextra -o "$place/kernels" -I"$root/Sources/CKernels/include" "$root"/Sources/CKernels/*.c \
  "$here/kernels.c" -lpthread -lm
(cd "$place" && valgrind -q --tool=callgrind --collect-atstart=no --callgrind-out-file=dump ./kernels)

# A dump says "desc: Trigger: Client Request: kernel set" and "totals: instructions".
awk '/^desc: Trigger: Client Request:/ { kernel = $5; set = $6 }
     /^totals:/ && kernel { printf "%-22s %-9s %12d\n", kernel, set, $2; kernel = "" }' \
  $(ls -v "$place"/dump.*) > "$place/counted"
[ -s "$place/counted" ] || { echo "callgrind counted nothing"; exit 2; }

if [ "${1:-}" = --update ]; then
  { echo "# kernel, instruction set, instructions: $(clang --version | head -n 1 | sed "s/ (.*//")"
    cat "$place/counted"; } > "$thresholds"
fi
awk '
  /^#/ { next }
  NR == FNR { allowed[$1, $2] = $3; next }
  {
    seen[$1, $2] = 1
    if (!(($1, $2) in allowed)) {
      note = "FAILED: no threshold; run with --update"
      failed = 1
      allowed[$1, $2] = $3
    } else if ($3 > allowed[$1, $2] * 1.02) { note = "FAILED: over 2 % more"; failed = 1 }
    else if ($3 < allowed[$1, $2] * 0.98) note = "fewer: run with --update to keep it"
    else note = ""
    percent = ($3 / allowed[$1, $2] - 1) * 100
    printf "%-22s %-9s %12d %12d %+7.2f %%  %s\n", $1, $2, $3, allowed[$1, $2], percent, note
  }
  BEGIN { printf "%-22s %-9s %12s %12s\n", "kernel", "set", "instructions", "threshold" }
  END {
    for (key in allowed) {
      if (key in seen) continue
      split(key, part, SUBSEP)
      print "FAILED: " part[1], part[2], "was not counted"
      failed = 1
    }
    exit failed
  }' "$thresholds" "$place/counted"
