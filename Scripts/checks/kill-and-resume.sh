#!/usr/bin/env bash
# Kills a run with SIGKILL at random moments, resumes it until it is done, and compares it with one that was
# left alone: the same model to the last bit, the same metrics step for step.
#
#   Scripts/checks/kill-and-resume.sh [needletail] [kills]
. "$(dirname "$0")/tiny.sh"
kills=${2:-8}

train() { # directory, precision, flags…; replaces its (sub)shell, so that a kill meets the run itself
  exec "$needletail" train tiny.yaml --set checkpoint.directory="$1" --set training.precision="$2" "${@:3}"
}

compare() { # precision
  cmp "whole-$1/model/model.safetensors" "killed-$1/model/model.safetensors"
  python3 - "$1" <<'PYTHON'
import json, sys

def metrics(run):
    rows = [json.loads(line) for line in open(f"{run}-{sys.argv[1]}/metrics.jsonl")]
    for row in rows:
        del row["seconds"]
    return rows

whole, killed = metrics("whole"), metrics("killed")
assert [row["step"] for row in killed] == list(range(1, len(whole) + 1)), "steps are missing or repeated"
for a, b in zip(whole, killed):
    assert a == b, f"step {a['step']}: {a} and {b}"
print(f"{len(whole)} steps, loss {whole[0]['loss']:.4f} to {whole[-1]['loss']:.4f}: every metric is the same")
PYTHON
}

for precision in f32 f16 bf16; do
  (train "whole-$precision" "$precision" > /dev/null 2>&1)
  killed=0 resumed=""
  while true; do
    train "killed-$precision" "$precision" --resume > out.txt 2> err.txt &
    run=$!
    if [ "$killed" -lt "$kills" ]; then
      # Within a fraction of a run: during start-up, steps, a checkpoint, or the last writes.
      sleep "0.$(printf '%03d' $((RANDOM % 350)))"
      if kill -KILL "$run" 2> /dev/null; then
        killed=$((killed + 1))
      fi
    fi
    status=0
    wait "$run" || status=$?
    [ "$status" != 0 ] || break
    [ "$status" = 137 ] || { echo "a resumed run failed with status $status:"; cat err.txt; exit 1; }
    # The last step that was recorded; 0 where the kill came before the first.
    resumed="$resumed $(sed -nE '$s/^\{"step":([0-9]+).*/\1/p' "killed-$precision/metrics.jsonl" 2> /dev/null || echo 0)"
  done 2> /dev/null
  echo "$precision: killed $killed times, after steps$resumed"
  leftovers=$(find "killed-$precision" -name '*partial*')
  [ -z "$leftovers" ] || { echo "left over: $leftovers"; exit 1; }
  compare "$precision"
done
echo "kill and resume: the same bits"
