#!/usr/bin/env bash
# A trained model out to Hugging Face and Megatron-LM and back, by the command line alone: the same files, the same text.
# Then killed with SIGKILL in the middle: no directory with a name is ever incomplete.
#
#   Scripts/checks/formats.sh [needletail] [kills]
. "$(dirname "$0")/tiny.sh"
kills=${2:-20}

fail() { echo "FAILED: $1"; exit 1; }
say() { "$needletail" generate "$1" --prompt "The old river" --tokens 30 --temperature 0 --threads 1 2> /dev/null; }

echo "== there and back"
"$needletail" train tiny.yaml --set training.steps=60 > /dev/null 2>&1
text=$(say run/model)
"$needletail" export run --format hf --output hf
"$needletail" export run --format hf --output shards --shard-size 20KB
"$needletail" export run --format megatron --output megatron
for name in hf shards megatron; do
  "$needletail" import "$name" --output "ours-$name"
  cmp "ours-hf/model.safetensors" "ours-$name/model.safetensors"
  # Megatron says widths that GPT-2 leaves to their default: the same model in more words.
  [ "$name" = megatron ] || cmp ours-hf/model.yaml "ours-$name/model.yaml"
  cmp run/model/tokenizer.json "ours-$name/tokenizer.json"
  [ "$(say "$name")" = "$text" ] || fail "$name, as it is, says something else: $(say "$name")"
  [ "$(say "ours-$name")" = "$text" ] || fail "ours-$name says something else"
  "$needletail" export "ours-$name" --format hf --output "back-$name"
  cmp hf/model.safetensors "back-$name/model.safetensors"
  [ "$name" = megatron ] || cmp hf/config.json "back-$name/config.json"
done
[ "$(ls shards/model-0*-of-0*.safetensors | wc -l)" -gt 2 ] || fail "expected shards, got $(ls shards)"
echo "$text"

echo "== a run that is not finished, and a model to go on with"
"$needletail" train tiny.yaml --set training.steps=40 --set checkpoint.directory=half > /dev/null 2>&1
rm -r half/model
"$needletail" export half --format hf --output half-hf
[ "$(say half)" = "$(say half-hf)" ] || fail "the newest checkpoint and its export say different things"
"$needletail" train tiny.yaml --set training.steps=5 --set training.initial_model=half-hf --set checkpoint.directory=on \
  > out.txt 2>&1 || fail "a Hugging Face directory as training.initial_model: $(cat out.txt)"
"$needletail" train tiny.yaml --set training.steps=5 --set training.initial_model=half-hf --set checkpoint.directory=on-2 \
  --set mesh.tensor=2 --set mesh.pipeline=2 --ranks 4 > out.txt 2>&1 || fail "the same on four ranks: $(cat out.txt)"

echo "== killed"
found=0
for kill in $(seq "$kills"); do
  for command in "import hf" "export run --format hf --shard-size 20KB"; do
    "$needletail" $command --output "killed" > /dev/null 2>&1 &
    job=$!
    sleep "0.0$(printf '%02d' $((RANDOM % 40)))"
    kill -9 "$job" 2> /dev/null || true
    wait "$job" 2> /dev/null || true
    if [ -e killed ]; then
      found=$((found + 1))
      [ "$(say killed)" = "$text" ] || fail "a killed $command left a directory that is not complete"
      rm -r killed
    fi
  done
done
# What the last one left goes with the next.
"$needletail" import hf --output killed > /dev/null
rm -r killed
[ -z "$(find . -name '*partial*')" ] || fail "left behind: $(find . -name '*partial*')"
echo "$((2 * kills)) kills; $found came too late, what they met was complete"
