#!/bin/bash
# Trains a small Nemotron-shaped model on a book in five languages and shows what it learned: text, tokenizer,
# dataset, training, evaluation on chapters it never saw, samples. `make demo` builds first and calls this.
#
#   DEMO_SECONDS=150   how long to train
#
# Every run has a new folder, demo-run/1, demo-run/2, …; nothing is deleted.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
needletail="$root/.build/release/needletail"
seconds=${DEMO_SECONDS:-150}
languages="en-US de-DE es-ES fr-FR pt-BR"
vocabulary=4096

fail() { echo "demo: $*" >&2; exit 1; }
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[[ -t 1 ]] || step() { printf '\n%s\n' "$*"; }

[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "DEMO_SECONDS must be a whole number of seconds, got \"$seconds\""
[[ -x $needletail ]] || fail "$needletail is missing: run \`make build\` first"
mkdir -p "$root/demo-run" && cd "$root/demo-run"
started=$SECONDS

# The Debian Administrator's Handbook in HTML: where Debian installs it, else unpacked beside the runs
# (minimal systems install packages without their documentation, and nobody needs root for this).
find_book() {
  local installed=/usr/share/doc/debian-handbook/html unpacked=$PWD/debian-handbook/usr/share/doc/debian-handbook/html
  for book in "$installed" "$unpacked"; do
    [[ -d $book/en-US ]] && return
  done
  book=$unpacked
  command -v apt-get >/dev/null || fail "$installed is missing: install the package debian-handbook"
  echo "Fetching the Debian package debian-handbook (35 MB) into demo-run/debian-handbook" >&2
  mkdir -p debian-handbook
  local as_root=
  [[ $(id -u) = 0 ]] || as_root=sudo
  fetch() { (cd debian-handbook && apt-get -q -o APT::Sandbox::User="$(id -un)" download debian-handbook >&2); }
  fetch 2>/dev/null || { $as_root apt-get -q update >&2 && fetch; } ||
    fail "cannot download the package debian-handbook (see above): check the network and run make demo again"
  dpkg-deb -x debian-handbook/debian-handbook_*.deb debian-handbook ||
    fail "cannot unpack demo-run/debian-handbook/*.deb: remove that folder and run make demo again"
}

# A folder of its own for this run; mkdir decides between two that start at once.
number=1
until mkdir "$number" 2>/dev/null; do number=$((number + 1)); done
run=$number
[[ $number = 1 ]] || echo "Earlier runs stay where they are; this one goes to demo-run/$run."
cd "$run"

step "1  The text"
(cd .. && find_book; printf %s "$book") >book.path
book=$(cat book.path)
# A page is held out in all languages or in none: a translation would give it away.
training=() held_out=()
pages=$(cd "$book/en-US" && ls -- *.html)
index=0
for page in $pages; do
  index=$((index + 1))
  for language in $languages; do
    file=$book/$language/$page
    [[ -f $file ]] || continue
    if ((index % 20 == 10)); then held_out+=("$file"); else training+=("$file"); fi
  done
done
echo "The Debian Administrator's Handbook, $book: ${#training[@]} pages to train on, ${#held_out[@]} held out ($languages)"

step "2  A tokenizer"
"$needletail" tokenizer train --input "${training[@]}" --vocabulary $vocabulary --output tokenizer

step "3  The dataset"
# The pages held out are its last documents: the loss curve's held-out loss is measured on them.
"$needletail" corpus build --input "${training[@]}" "${held_out[@]}" --tokenizer tokenizer --output corpus/book

step "4  Training, about $seconds s"
# The time of a step tells how many this machine takes in the time given.
pace=$("$needletail" benchmark "$root/Recipes/demo.yaml" --set model.vocabulary=$vocabulary --steps 15 --json |
  sed 's/.*"step_seconds": \[\([^]]*\)\].*/\1/' | tr ',' '\n' | sort -g | sed -n 8p)
steps=$(awk -v seconds="$seconds" -v pace="$pace" 'BEGIN { steps = int(seconds / pace); print steps < 20 ? 20 : steps }')
"$needletail" train "$root/Recipes/demo.yaml" --set data.prefix=corpus/book --set data.tokenizer=tokenizer \
  --set "data.split=${#training[@]},${#held_out[@]},0" --set "training.steps=$steps" \
  --set "training.evaluation_interval=$((steps / 5))" --set "schedule.warmup_steps=$((steps / 20))" \
  --set checkpoint.directory=model

step "5  Evaluation on the pages held out"
evaluate() {
  "$needletail" evaluate model --json --text "$@" 2>/dev/null |
    sed 's/[{}",]//g' | awk '{ for (i = 1; i < NF; i += 2) v[$i] = $(i + 1)
      printf "%-10s %8.4f %12.2f %15.4f %10d\n", name, v["loss:"], v["perplexity:"], v["bits_per_byte:"], v["bytes:"] }' name="$name"
}
{
  printf '%-10s %8s %12s %15s %10s\n' text loss perplexity "bits per byte" bytes
  for name in $languages; do
    evaluate $(printf '%s\n' "${held_out[@]}" | grep "/$name/")
  done
  name=all
  evaluate "${held_out[@]}"
} | tee evaluation.txt

step "6  What it writes"
for prompt in "The system administrator" "Der Administrator" "El administrador" "L'administrateur" "O administrador"; do
  "$needletail" generate model --prompt "$prompt" --tokens 48 --temperature 0.7 --top-p 0.9 --seed 1 2>/dev/null |
    tr '\n' ' ' | fold -s -w 100
  printf '\n\n'
done | tee samples.txt

step "Done in $((SECONDS - started)) s"
cat <<END
model        demo-run/$run/model          needletail generate demo-run/$run/model --prompt "To install"
loss curve   demo-run/$run/model/loss.svg
held out     $(awk '$1 == "all" { print $2 " nats per token, perplexity " $3 ", " $4 " bits per byte" }' evaluation.txt)
END
