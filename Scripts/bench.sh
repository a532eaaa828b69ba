#!/bin/bash
# Times a training step of Needletail beside PyTorch's: same shapes, batch, threads and optimizer, alternated,
# so that neither has the machine to itself for longer. Benchmarks/pytorch/README.md says what is measured.
#
#   ROUNDS=3 THREADS=2 SHAPES="gpt2-6x384 nemotron-demo" PYTHON=/tmp/oracle/bin/python
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
needletail="$root/.build/release/needletail"
peer="$root/Benchmarks/pytorch"
threads=${THREADS:-$(nproc)}
python=${PYTHON:-/tmp/oracle/bin/python}
[[ -x $needletail ]] || { echo "bench: $needletail is missing: run \`make build\` first" >&2; exit 1; }
[[ -x $python ]] || echo "bench: no PyTorch at $python (Scripts/oracles/setup.sh makes it): measuring Needletail alone" >&2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

tokens_per_second() { sed 's/.*"tokens_per_second": \([0-9.]*\).*/\1/'; }
median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%.0f", (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2; else printf "-" }'; }

printf '%-16s %14s %14s %8s   tokens/s, median of %s rounds, 4 x 256 tokens a step, %s threads, f32\n' \
  shape needletail pytorch ratio "${ROUNDS:-3}" "$threads"
for shape in ${SHAPES:-gpt2-124m gpt2-6x384 nemotron-demo}; do
  { printf '{"model": '; cat "$peer/shapes/$shape.json"; printf '}'; } >"$scratch/$shape.json"
  : >"$scratch/ours"; : >"$scratch/theirs"
  for ((round = 0; round < ${ROUNDS:-3}; round++)); do
    "$needletail" benchmark "$scratch/$shape.json" --set training.global_batch=4 --set training.microbatch=4 \
      --set training.sequence_length=256 --threads "$threads" --steps 5 --json | tokens_per_second >>"$scratch/ours"
    [[ ! -x $python ]] || "$python" "$peer/train_step.py" --shape "$shape" --batch 4 --tokens 256 \
      --threads "$threads" --steps 5 --warmup 2 | tokens_per_second >>"$scratch/theirs"
  done
  ours=$(median <"$scratch/ours") theirs=$(median <"$scratch/theirs")
  ratio=$(awk -v a="$ours" -v b="$theirs" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "-" }')
  printf '%-16s %14s %14s %8s\n' "$shape" "$ours" "$theirs" "$ratio"
done
