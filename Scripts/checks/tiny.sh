# A corpus, a tokenizer and a recipe that train in about a second; sourced by the checks beside it.
# Sets: needletail (the binary, or $1), place (a directory that goes away with the shell).

set -euo pipefail
needletail=$(realpath "${1:-.build/release/needletail}")
place=$(mktemp -d "${TMPDIR:-/tmp}/needletail-check-XXXXXX")
trap 'rm -rf "$place"' EXIT
cd "$place"

# Sentences of a grammar: something to learn, and no file to fetch.
awk 'BEGIN {
  srand(7)
  split("river stone cloud bird road lamp field ship door leaf", noun)
  split("sees finds follows leaves answers holds", verb)
  split("old quiet blue narrow bright small", adjective)
  for (document = 0; document < 120; document++) {
    for (line = 0; line < 6; line++)
      printf "The %s %s %s the %s. ", adjective[1 + int(rand() * 6)], noun[1 + int(rand() * 10)],
        verb[1 + int(rand() * 6)], noun[1 + int(rand() * 10)]
    printf "\n\n"
  }
}' > text.txt
"$needletail" tokenizer train --input text.txt --format paragraphs --vocabulary 320 --output tokenizer > /dev/null 2>&1
"$needletail" corpus build --input text.txt --format paragraphs --tokenizer tokenizer --output corpus > /dev/null 2>&1
cat > tiny.yaml <<'RECIPE'
model:
  layers: 2
  width: 32
  heads: 2
  context: 32
  dropout: 0.1
data:
  prefix: corpus
  tokenizer: tokenizer
  split: 90,10,0
training:
  steps: 400
  global_batch: 8
  microbatch: 4
  threads: 1
  evaluation_interval: 50
  evaluation_sequences: 8
schedule:
  learning_rate: 3.0e-3
  warmup_steps: 20
checkpoint:
  directory: run
  interval: 10
RECIPE
