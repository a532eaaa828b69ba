#!/bin/sh
# Products with packed weights: packed.sh [threads] [1 baseline, 2 AVX2, 3 AVX-512, 4 AVX-512 with bf16]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
program=$(mktemp)
trap 'rm -f "$program"' EXIT
clang -O2 -o "$program" -I"$root/Sources/CKernels/include" "$root"/Sources/CKernels/*.c "$root/Benchmarks/kernels/packed.c" \
  -lpthread -lm
"$program" "$@"
