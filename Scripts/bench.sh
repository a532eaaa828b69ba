#!/bin/bash
# Times a training step of Needletail beside PyTorch's, eager and compiled: same shapes, batch, threads and
# optimizer, in turns, so that none has the machine to itself for longer. Benchmarks/pytorch/README.md says what
# is measured.
#
#   ROUNDS=3 THREADS="1 2" SHAPES="gpt2-124m gpt2-6x384 nemotron-demo" COMPILED=1 PYTHON=/tmp/oracle/bin/python
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
needletail="$root/.build/release/needletail"
peer="$root/Benchmarks/pytorch"
rounds=${ROUNDS:-3}
python=${PYTHON:-/tmp/oracle/bin/python}
[[ -x $needletail ]] || { echo "bench: $needletail is missing: run \`make build\` first" >&2; exit 1; }
[[ -x $python ]] || echo "bench: no PyTorch at $python (Scripts/oracles/setup.sh makes it): measuring Needletail alone" >&2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The median of one field over the lines of JSON in a file; - where there is none.
median() {
  { grep -o "\"$1\": [0-9.]*" "$2" || true; } | sed 's/.*: //' | sort -g |
    awk '{ v[NR] = $1 } END { if (NR) print (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2; else print "-" }'
}

ours() {
  "$needletail" benchmark "$scratch/$1.json" --set training.global_batch=4 --set training.microbatch=4 \
    --set training.sequence_length=256 --threads "$2" --steps 5 --json
}

theirs() { # shape, threads, [--compile]
  [[ ! -x $python ]] || "$python" "$peer/train_step.py" --shape "$1" --batch 4 --tokens 256 --threads "$2" --steps 5 \
    --warmup 2 "${@:3}"
}

echo "tokens/s, medians of $rounds rounds in turns, 4 x 256 tokens a step, f32, AdamW, clipping; memory in GB"
printf '%-14s %7s %10s %8s %7s %8s %9s %6s %7s %7s\n' \
  shape threads needletail of-peak memory eager compiled memory ratio allocs
for shape in ${SHAPES:-gpt2-124m gpt2-6x384 nemotron-demo}; do
  { printf '{"model": '; cat "$peer/shapes/$shape.json"; printf '}'; } >"$scratch/$shape.json"
  for threads in ${THREADS:-1 2}; do
    : >"$scratch/ours"; : >"$scratch/eager"; : >"$scratch/compiled"
    for ((round = 0; round < rounds; round++)); do
      ours "$shape" "$threads" >>"$scratch/ours"
      theirs "$shape" "$threads" >>"$scratch/eager"
      [[ ${COMPILED:-1} == 0 ]] || theirs "$shape" "$threads" --compile >>"$scratch/compiled"
    done
    awk -v shape="$shape" -v threads="$threads" -v ours="$(median tokens_per_second "$scratch/ours")" \
      -v rate="$(median model_gflops_per_second "$scratch/ours")" \
      -v peak="$(median fma_peak_gflops_per_second "$scratch/ours")" \
      -v memory="$(median peak_memory_bytes "$scratch/ours")" -v allocations="$(median allocations_per_step "$scratch/ours")" \
      -v eager="$(median tokens_per_second "$scratch/eager")" -v compiled="$(median tokens_per_second "$scratch/compiled")" \
      -v peer="$(median peak_rss_bytes "$scratch/eager")" 'BEGIN {
        best = eager + 0 > compiled + 0 ? eager + 0 : compiled + 0
        ratio = best > 0 ? sprintf("%.2f", ours / best) : "-"
        printf "%-14s %7d %10.0f %7.1f%% %7.2f %8.0f %9.0f %6.2f %7s %7.0f\n", shape, threads, ours, 100 * rate / peak,
          memory / 1e9, eager, compiled, peer / 1e9, ratio, allocations }'
  done
done
