#!/usr/bin/env bash
# Reads what a real run, stopped once and resumed, recorded for other programs: TensorBoard's event files with
# the `tensorboard` package, held against metrics.jsonl, and the timeline as a Chrome trace.
#
#   Scripts/checks/telemetry.sh [needletail] [python]     python: one with tensorboard (Scripts/oracles/setup.sh)
python=${2:-/tmp/oracle/bin/python}
. "$(dirname "$0")/tiny.sh"

train() { # replaces its (sub)shell, so that a signal meets the run itself
  exec "$needletail" train tiny.yaml --set training.steps=2000 --set telemetry.tensorboard=true \
    --set telemetry.timeline=true "$@" > out.txt 2>&1
}
train &
run=$!
sleep 1
kill -INT "$run" 2> /dev/null || true
wait "$run" || true
(train --resume)

"$python" - <<'PYTHON'
import glob, json, struct
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

rows = [json.loads(line) for line in open("run/metrics.jsonl")]
assert [row["step"] for row in rows] == list(range(1, len(rows) + 1))
assert "resumed from" in open("out.txt").read(), "the run was over before it was stopped"
events = EventAccumulator("run/tensorboard", size_guidance={"scalars": 0})
events.Reload()
single = lambda x: struct.unpack("f", struct.pack("f", x))[0]  # noqa: E731
tags = {"train/loss": "loss", "train/gradient_norm": "gradient_norm", "train/learning_rate": "learning_rate",
        "held_out_loss": "held_out_loss"}
for tag, key in tags.items():
    got = {scalar.step: scalar.value for scalar in events.Scalars(tag)}
    want = {row["step"]: single(row[key]) for row in rows if key in row}
    assert got == want, f"{tag}: {len(got)} scalars, {len(want)} in metrics.jsonl"
    print(f"{tag}: {len(got)} scalars as in metrics.jsonl")
files = glob.glob("run/tensorboard/*")
print(f"{len(files)} event files, {len(rows)} steps, tags {sorted(events.Tags()['scalars'])}")

trace = json.load(open("run/timeline.json"))
spans = [event for event in trace["traceEvents"] if event["ph"] == "X"]
assert all(span["dur"] >= 0 and span["ts"] >= 0 and span["name"] and span["cat"] for span in spans)
names = sorted({span["name"] for span in spans})
for name in ["read", "forward and backward", "gradient norm", "update", "checkpoint", "held-out loss"]:
    assert name in names, f"no span {name} in {names}"
covered = sum(span["dur"] for span in spans)
extent = max(span["ts"] + span["dur"] for span in spans) - min(span["ts"] for span in spans)
print(f"timeline: {len(spans)} spans of {names}, covering {covered / extent:.0%} of {extent / 1e6:.2f} s")
PYTHON
