#!/bin/bash
# How long Needletail takes to start: medians of ROUNDS=10 runs, in milliseconds, and the size of the binary.
#
#   Benchmarks/startup.sh [BINARY]
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
binary=$(realpath "${1:-$root/.build/release/needletail}")
rounds=${ROUNDS:-10}
[[ -x $binary ]] || { echo "startup: $binary is missing: run \`make build\` first" >&2; exit 1; }

# Sets `place`: a folder with a small text, its tokenizer and its corpus, which goes away with the shell.
source "$root/Scripts/checks/tiny.sh" "$binary"
train=("$binary" train "$root/Recipes/tiny.yaml" --set data.prefix=corpus --set data.tokenizer=tokenizer
  --set checkpoint.directory=first)

# A pipe that nobody writes to: waiting on it is a short sleep without another process.
pause=$place/pause
mkfifo "$pause"

# From the start of a command to its end, in milliseconds.
timed() {
  local start=$EPOCHREALTIME
  "$@" >/dev/null 2>&1
  echo "$start $EPOCHREALTIME" | awk '{ printf "%.1f\n", ($2 - $1) * 1000 }'
}

# To the moment when the line of the first step stands in metrics.jsonl.
first_step() {
  rm -rf first
  local start=$EPOCHREALTIME
  "${train[@]}" --set training.steps=2000 >/dev/null 2>&1 &
  local child=$!
  until [[ -s first/metrics.jsonl ]]; do
    kill -0 "$child" 2>/dev/null || { echo "startup: training stopped before its first step" >&2; exit 1; }
    read -rt 0.001 <>"$pause" || true
  done
  echo "$start $EPOCHREALTIME" | awk '{ printf "%.1f\n", ($2 - $1) * 1000 }'
  kill -KILL "$child"
  wait "$child" 2>/dev/null || true
}

one_step_run() {
  rm -rf first
  timed "${train[@]}" --set training.steps=1
}

row() {
  local name=$1
  shift
  for ((round = 0; round < rounds; round++)); do "$@"; done | sort -g | awk -v name="$name" '
    { v[NR] = $1 } END { printf "%-44s %9.1f %9.1f %9.1f\n", name, v[int((NR + 1) / 2)], v[1], v[NR] }'
}

printf '%-44s %9s %9s %9s   ms, %s runs\n' '' median least most "$rounds"
row "needletail --help" timed "$binary" --help
row "needletail train: to the first step" first_step
row "needletail train: a run of one step, all of it" one_step_run
cp "$binary" stripped
strip stripped
stat -c '%n %s' "$binary" stripped | awk '
  { printf "%-44s %9.1f MB\n", NR == 1 ? "binary" : "binary, stripped (as installed)", $2 / 1e6 }'
