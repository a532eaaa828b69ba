#!/usr/bin/env bash
# Gives the program bad input of every kind. Each time it must say one sentence that begins "Error:", end with
# a status of its own (1 to 127, so not by a signal), and leave nothing half-written.
#
#   Scripts/checks/bad-input.sh [needletail]
. "$(dirname "$0")/tiny.sh"
count=0 failures=0

fail() {
  echo "    FAILED: $1"
  failures=$((failures + 1))
}

# Runs needletail with the arguments after the first, which the sentence must contain (a regular expression).
refuses() {
  local pattern=$1 status=0
  shift
  count=$((count + 1))
  "$needletail" "$@" > out.txt 2> err.txt < "${input:-/dev/null}" || status=$?
  echo "\$ needletail $*" | cut -c 1-160
  grep -a '^Error:' err.txt | cut -c 1-400 | sed 's/^/    /' || true
  echo "    status $status"
  [ "$status" -ge 1 ] && [ "$status" -lt 128 ] || fail "expected a status from 1 to 127"
  [ "$(grep -ac '^Error:' err.txt)" = 1 ] || { fail "expected one sentence"; head -c 2000 err.txt; }
  grep -aqE "$pattern" err.txt || { fail "expected to read /$pattern/"; head -c 2000 err.txt; }
  ! grep -aqE 'Fatal error|Crash|Swift/|DecodingError|NSCocoa|Error Domain' err.txt || fail "speaks of its inside"
  [ -z "$(find . -name '*partial*')" ] || { fail "left behind $(find . -name '*partial*')"; }
}
absent() { [ ! -e "$1" ] || fail "$1 was written"; }

train() { refuses "$1" train tiny.yaml "${@:2}"; }
fresh() { # A dataset, a model and a run to damage, beside the good ones.
  rm -rf bad bad.* bad-run
  for suffix in bin idx json; do cp "corpus.$suffix" "bad.$suffix"; done
}
overwrite() { # file, offset, bytes as printf writes them
  printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

"$needletail" train tiny.yaml --set training.steps=40 --set checkpoint.directory=good > /dev/null 2>&1

echo "== recipes"
train 'training.stesp.*training.steps' --set training.stesp=5
train 'modle.*model' --set modle.width=5
printf 'model:\n  widht: 32\n' > typo.yaml
refuses 'widht.*typo.yaml:2.*model.width' train typo.yaml
printf 'model: [1, 2\n' > broken.yaml
refuses 'broken.yaml' train broken.yaml
printf 'model:\n  layers: \xff\xfe\n' > latin.yaml
refuses 'latin.yaml.*UTF-8' config latin.yaml
printf 'extends: circle.yaml\n' > circle.yaml
refuses 'circle' config circle.yaml
refuses 'absent.yaml' train absent.yaml
refuses 'directory' train tokenizer
train 'training.steps.*ten' --set training.steps=ten
train 'path=value' --set training.steps

echo "== impossible meshes"
train '4096, got 0' --ranks 0
train 'divide the 3 ranks' --ranks 3 --set mesh.tensor=2
train 'mesh.data 3 = 3, the run has 2' --ranks 2 --set mesh.data=3
train 'cannot be divided among mesh.tensor 7' --ranks 7 --set mesh.tensor=7
train 'cannot fill mesh.pipeline 64' --ranks 64 --set mesh.pipeline=64
train 'needs a pipeline' --set mesh.interleave=2
train 'data-parallel ranks' --ranks 64
train 'mesh.timeout' --set mesh.timeout=.inf
train 'mesh.tensor must lie' --set mesh.tensor=1073741824
train 'mesh.schedule.*sideways' --set mesh.schedule=sideways
train 'recovery.spike_factor' --set recovery.spike_factor=0.5
train 'rollback needs checkpoints' --set recovery.action=rollback --set checkpoint.interval=0
refuses 'stages' schedule --stages 0 --microbatches 4
refuses 'manifest|checkpoint' checkpoint verify absent
absent absent

echo "== plans"
cluster="$OLDPWD/Clusters/dgx-a100.yaml"
plan() { refuses "$1" plan tiny.yaml --cluster "$cluster" "${@:2}"; }
refuses 'recipe' plan
refuses 'cluster' plan tiny.yaml
refuses 'no such recipe' plan tiny.yaml --cluster absent.yaml
refuses 'no such recipe' plan absent.yaml --cluster "$cluster"
plan 'gpus' --gpus 0
plan 'tokens' --tokens -1
plan 'divide' --gpus 3 --set mesh.tensor=2
plan 'node.devices' --set-cluster node.devices=0
plan 'device.bandwidth' --set-cluster device.bandwidth=0
plan 'device.bandwidth' --set-cluster device.bandwith=5
plan 'efficiency.products' --set-cluster efficiency.products=2
plan 'has 8 devices' --gpus 16 --set-cluster network.nodes=1 --batch 16 --set training.microbatch=1
plan 'fits' --gpus 8 --search --batch 8 --set model.width=65536 --set model.layers=200
plan 'passes' --batch 1000000000 --set training.microbatch=1 --gpus 1
plan 'absent/x' --draw absent/x
plan 'fit' --fit products
refuses 'absent.yaml' plan tiny.yaml --cluster "$cluster" --against absent.yaml
refuses 'absent/here' plan --measure-here absent/here.yaml
absent absent

echo "== impossible shapes"
train 'model.width 32.*model.heads 5' --set model.heads=5
train 'model.layers.*0' --set model.layers=0
train 'model.width' --set model.width=4611686018427387904
train 'does not fit' --set model.width=1048576 --set model.layers=1000
train 'sequence_length 64.*context 32' --set training.sequence_length=64
train 'global_batch 8.*microbatch 3' --set training.microbatch=3
train 'training.steps' --set training.steps=9223372036854775807
train 'training.threads' --set training.threads=1000000
train 'training.seed' --set training.seed=-1
train 'learning_rate' --set schedule.learning_rate=nan
train 'rotat' --set model.positions=rotary --set model.rotary_fraction=0.1
absent run

echo "== data"
train 'data.prefix' --set data.prefix=null
train 'nowhere.idx.*no such file' --set data.prefix=nowhere
train 'vocabulary.*320.*model.vocabulary is 100|model.vocabulary is 100' --set model.vocabulary=100
fresh; truncate -s -10 bad.bin
train 'bad.bin.*truncated' --set data.prefix=bad
fresh; truncate -s 50 bad.idx
train 'bad.idx' --set data.prefix=bad
fresh; truncate -s -8 bad.idx
train 'bad.idx' --set data.prefix=bad
fresh; : > bad.idx
train 'bad.idx' --set data.prefix=bad
fresh; : > bad.bin
train 'bad.bin' --set data.prefix=bad
fresh; overwrite bad.idx 0 'XXXX'
train 'bad.idx' --set data.prefix=bad
fresh; overwrite bad.idx 40 '\377\377\377\377'
train 'bad.idx' --set data.prefix=bad
fresh; rm bad.json; head -c "$(stat -c %s corpus.bin)" /dev/zero | tr '\0' '\377' > bad.bin
train 'token 65535.*vocabulary' --set data.prefix=bad
fresh; printf '{"tok' > bad.json
train 'bad.json' --set data.prefix=bad
fresh; sed -i 's/"checksum" : "[0-9a-f]*"/"checksum" : "00000000"/' bad.json
train 'bad.*another tokenizer' --set data.prefix=bad
train 'data.split' --set data.split=a,b
train 'absent.*tokenizer' --set data.tokenizer=absent
absent run

echo "== runs and checkpoints"
train 'already holds a run.*--resume' --set checkpoint.directory=good
train 'does not fit the model' --resume --set checkpoint.directory=good --set model.width=64
newest=$(ls -d good/checkpoints/*/ | sort | tail -1)
cp -r good bad-run
shard=bad-run/${newest#good/}shard-00001.safetensors
overwrite "$shard" $(($(stat -c %s "$shard") / 2)) '\001\002\003\004'
train 'shard-00001.safetensors.*good checkpoint before' --resume --set checkpoint.directory=bad-run --set training.steps=60
truncate -s -1 "$shard"
train 'shard-00001.safetensors.*truncated' --resume --set checkpoint.directory=bad-run --set training.steps=60
rm "$shard"
train 'shard-00001.safetensors.*no such file' --resume --set checkpoint.directory=bad-run --set training.steps=60
touch occupied
train 'occupied' --set checkpoint.directory=occupied
train 'occupied' --set checkpoint.directory=occupied/run
train 'absent' --metrics absent/metrics.jsonl --set checkpoint.directory=metrics-run

echo "== models"
refuses 'absent.*model directory' generate absent --prompt a
refuses 'text.txt.*model directory' generate text.txt --prompt a
fresh; cp -r good/model bad; truncate -s -100 bad/model.safetensors
refuses 'model.safetensors' generate bad --prompt a
fresh; cp -r good/model bad; overwrite bad/model.safetensors 0 '\377\377\377\377\377\377\377\177'
refuses 'model.safetensors' generate bad --prompt a
fresh; cp -r good/model bad; sed -i 's/layers: 2/layers: 3/' bad/model.yaml
refuses 'do not belong together' generate bad --prompt a
fresh; cp -r good/model bad; sed -i 's/width: 32/width: 16777216/' bad/model.yaml
refuses 'do not belong together' evaluate bad --text text.txt
fresh; cp -r good/model bad; printf 'layers: []\n' > bad/model.yaml
refuses 'layers' generate bad --prompt a
fresh; cp -r good/model bad; rm bad/tokenizer.json
refuses 'bad.*tokenizer' generate bad --prompt a
fresh; cp -r good/model bad; truncate -s 300 bad/tokenizer.json
refuses 'tokenizer.json' generate bad --prompt a

echo "== formats"
"$needletail" export good --format hf --output hf > /dev/null
bad_hf() { rm -rf bad; cp -r hf bad; } # A Hugging Face directory to damage.
refuses 'absent.*model directory' import absent --output new
refuses 'model of ours already' import good/model --output new
refuses 'holds something already' import hf --output good
refuses 'holds something already' export good --format hf --output good/model
refuses 'occupied.*free name' export good --format hf --output occupied
refuses 'gguf' export good --format gguf --output new
refuses 'shard-size' export good --format hf --output new --shard-size enough
refuses 'dtype' export good --format hf --output new --dtype int4
refuses 'no tokenizer|absent' export good --format hf --output new --tokenizer absent
bad_hf; rm bad/config.json
refuses 'bad.*model directory' import bad --output new
bad_hf; printf '[[[[' > bad/config.json
refuses 'config.json.*not a JSON object' import bad --output new
bad_hf; sed -i 's/"gpt2"/"mamba"/' bad/config.json
refuses 'model_type is "mamba", expected' import bad --output new
bad_hf; sed -i 's/"n_head" : 2/"n_head" : 3/' bad/config.json
refuses 'not divisible' generate bad --prompt a
bad_hf; sed -i 's/"n_layer" : 2/"n_layer" : 3/' bad/config.json
refuses 'lacks tensor "transformer.h.2' evaluate bad --text text.txt
bad_hf; mv bad/model.safetensors bad/pytorch_model.bin
refuses 'pytorch_model.bin, a pickle.*save_pretrained' import bad --output new
bad_hf; truncate -s -100 bad/model.safetensors
refuses 'model.safetensors' import bad --output new
bad_hf; mv bad/model.safetensors bad/model-00001-of-00001.safetensors
printf '{"weight_map": {"a": "../text.txt"}}' > bad/model.safetensors.index.json
refuses 'index.json.*beside it' import bad --output new
bad_hf; rm bad/tokenizer.json
refuses 'bad.*tokenizer' export bad --format hf --output new --trim-vocabulary
refuses 'bad.*tokenizer' generate bad --prompt a
absent new

echo "== text"
fresh
: > empty.txt
printf 'caf\xe9\n' > latin.txt
refuses 'empty.txt|empty|no text' tokenizer train --input empty.txt --vocabulary 300 --output bad
refuses 'latin.txt.*UTF-8' tokenizer train --input latin.txt --vocabulary 300 --output bad
refuses 'absent.txt.*no such file' tokenizer train --input absent.txt --vocabulary 300 --output bad
refuses 'directory' tokenizer train --input tokenizer --vocabulary 300 --output bad
refuses 'vocabulary' tokenizer train --input text.txt --vocabulary 3 --output bad
refuses 'empty|no ' tokenizer train --input empty.txt --kind sentencepiece --vocabulary 300 --output bad
refuses 'vocabulary' tokenizer train --input text.txt --kind sentencepiece --vocabulary 100000 --output bad
absent bad
refuses 'no text' corpus build --input empty.txt --tokenizer tokenizer --output bad-corpus
refuses 'latin.txt.*UTF-8' corpus build --input latin.txt --tokenizer tokenizer --output bad-corpus
refuses 'absent.txt' corpus build --input text.txt absent.txt --tokenizer tokenizer --output bad-corpus
printf '{"text": "a"}\n{"txet": "b"}\n' > keys.jsonl
refuses 'keys.jsonl:2' corpus build --input keys.jsonl --tokenizer tokenizer --output bad-corpus
printf '{"text": "a"}\n{"text": \n' > cut.jsonl
refuses 'cut.jsonl:2' corpus build --input cut.jsonl --tokenizer tokenizer --output bad-corpus
gzip -c text.txt | head -c 700 > cut.txt.gz
refuses 'cut.txt.gz' corpus build --input cut.txt.gz --tokenizer tokenizer --output bad-corpus
refuses 'tokenizer' corpus build --input text.txt --tokenizer text.txt --output bad-corpus
refuses 'occupied' corpus build --input text.txt --tokenizer tokenizer --output occupied/corpus
[ -z "$(ls bad-corpus* 2> /dev/null)" ] || fail "a dataset was written: $(ls bad-corpus*)"
refuses 'empty.txt|no text' evaluate good --text empty.txt
refuses 'latin.txt.*UTF-8' evaluate good --text latin.txt
refuses 'absent.txt' evaluate good --text absent.txt

echo "== flags"
refuses 'temprature|temperature' generate good --prompt a --temprature 1
refuses 'temperature' generate good --prompt a --temperature=-1
refuses 'top' generate good --prompt a --top-p 0
refuses 'tokens' generate good --prompt a --tokens 0
refuses 'threads' generate good --prompt a --threads 100000
refuses 'prompt' generate good
refuses 'stride' evaluate good --text text.txt --stride 0
refuses 'batch' evaluate good --text text.txt --batch 0
refuses 'id' tokenizer decode --tokenizer tokenizer 5 100000
refuses 'trian' trian tiny.yaml
refuses 'format' corpus build --input text.txt --format word --tokenizer tokenizer --output bad-corpus

echo "== a full disk"
if [ "$(id -u)" = 0 ] && mkdir disk && mount -t tmpfs -o size=192k tmpfs disk 2> /dev/null; then
  trap 'cd /; umount "$place/disk"; rm -rf "$place"' EXIT
  head -c 120000 /dev/zero > disk/ballast
  train 'disk.*full' --set training.steps=40 --set checkpoint.directory=disk/run
  [ -z "$(find disk -name 'model.safetensors')" ] || fail "a model was written"
  rm -rf disk/*
  cat /dev/zero > disk/ballast 2> /dev/null || true
  refuses 'disk.*full' corpus build --input text.txt --tokenizer tokenizer --output disk/corpus
  refuses 'disk.*full' tokenizer train --input text.txt --vocabulary 320 --output disk/tokenizer
  [ "$(find disk -type f)" = disk/ballast ] || fail "left behind: $(find disk -type f)"
else
  echo "    not tried: mounting a small tmpfs needs root"
fi

echo "$count bad inputs, $failures failures"
[ "$failures" = 0 ]
