#!/bin/sh
# Kernels beside OpenBLAS (apt: libopenblas-dev), one thread; an argument of 1, 2 or 3 chooses the baseline,
# AVX2 or AVX-512 kernels.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
program=$(mktemp)
trap 'rm -f "$program"' EXIT
clang -O2 -o "$program" -I"$root/Sources/CKernels/include" "$root"/Sources/CKernels/*.c "$root/Benchmarks/kernels/kernels.c" \
  -lopenblas -lpthread -lm
"$program" "$@"
