#!/bin/sh
# Trains three small models over every mesh of up to eight ranks and writes how far each run is from the serial one:
# the table in Benchmarks/results/mesh-equality.md. The same cases are tests (MeshEqualityTests).
set -eu
cd "$(dirname "$0")/../.."
rows=$(mktemp "${TMPDIR:-/tmp}/needletail-matrix-XXXXXX")
trap 'rm -f "$rows"' EXIT
NEEDLETAIL_MATRIX=$rows swift test -c release -Xswiftc -enable-testing --scratch-path .build/tests --filter MeshEqualityTests
{
  cat <<'TEXT'
# Every mesh, one loss

Five steps of AdamW with clipping and dropout 0.1 on small GPT-2, Nemotron-4 and Llama shapes (8 layers, width 32, 4
heads, 4, 2 and 1 key-value heads, vocabulary 67, which no number of ranks divides; GPT-2 and Llama with tied tables,
Nemotron-4 without), over every mesh of up to eight ranks, each with every schedule and with and without sequence
parallelism; recomputation and ZeRO-1 take turns. Against the run of one rank: the largest relative difference of a
loss (held-out loss included), of a gradient norm, and of a weight over its tensor's largest.

Written by `Scripts/checks/mesh-matrix.sh`; the tests hold 1e-5 (`MeshEqualityTests`). `--ranks` and `mpirun` give the
same bits.

TEXT
  echo "| model | mesh | schedule and options | loss | gradient norm | weights |"
  echo "|---|---|---|---|---|---|"
  cat "$rows"
} > Benchmarks/results/mesh-equality.md
wc -l < "$rows"
