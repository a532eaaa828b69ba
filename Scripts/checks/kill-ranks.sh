#!/usr/bin/env bash
# Kills a run of four ranks (two tensor ranks in each of two pipeline stages) at random moments, during start-up,
# steps and saves, and resumes it until it is done: ranks as threads of one process, of which SIGKILL takes all, then
# as processes under mpirun, of which it takes one. mpirun must then end within seconds, name the rank and leave
# nobody behind. At the end weights, optimizer state and every metric are those of a run left alone, to the last
# bit. Then the same with the signals that ask a run to stop.
#
#   Scripts/checks/kill-ranks.sh [needletail] [times=20]        TIMES=4 Scripts/checks/kill-ranks.sh
times=${2:-${TIMES:-20}}
. "$(dirname "$0")/tiny.sh" "${1:-.build/release/needletail}"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
patience=30 # seconds that a job may outlive its rank; mpirun takes one, and longer for a rank killed as it connects

fail() {
  echo "FAILED: $*; the run's output:"
  cat out.txt err.txt
  exit 1
}

# Each replaces its subshell, so that $! is the run itself, or mpirun. Directory, flags…
recipe() { echo train tiny.yaml --set mesh.tensor=2 --set mesh.pipeline=2 --set checkpoint.directory="$1"; }
threads() { exec "$needletail" $(recipe "$1") --ranks 4 "${@:2}" > out.txt 2> err.txt; }
processes() {
  exec mpirun --oversubscribe --bind-to none ${grace:+--mca odls_base_sigkill_timeout "$grace"} -n 4 \
    "$needletail" $(recipe "$1") "${@:2}" > out.txt 2> err.txt
}

pause() { sleep "$(printf '%d.%03d' $((RANDOM % $1 / 1000)) $((RANDOM % $1 % 1000)))"; } # below so many milliseconds
lives() { grep -q '^State:.[^ZX]' "/proc/$1/status" 2> /dev/null; }
ranks() { pgrep -P "$run" || true; }

# Returns when the run has taken a step, or is over.
until_it_steps() {
  while lives "$run" && ! grep -q '^train ' err.txt; do sleep 0.02; done
}

# Waits for the run to end and sets `status`.
await() { # seconds
  local tries=$(($1 * 50))
  while lives "$run" && ((tries-- > 0)); do sleep 0.02; done
  ! lives "$run" || fail "still there $1 seconds later"
  status=0
  { wait "$run" || status=$?; } 2> /dev/null
}

is_stopped() { grep -q "^stopped after step" out.txt; }

same() { # directory
  [ "$(find "$1" -name '*partial*')" = "" ] || fail "left over: $(find "$1" -name '*partial*')"
  cmp "whole/model/model.safetensors" "$1/model/model.safetensors" || fail "$1: other weights"
  for shard in "whole/checkpoints/$last"/*.safetensors; do
    cmp "$shard" "$1/checkpoints/$last/${shard##*/}" || fail "$1: another state"
  done
  diff <(metrics whole) <(metrics "$1") || fail "$1: other metrics"
}
metrics() { sed -E 's/"seconds":[^,}]*//' "$1/metrics.jsonl"; }

kill_threads() { kill -KILL "$run" 2> /dev/null; }

kill_process() {
  local all victim index process tries
  while lives "$run" && [ "$(ranks | wc -l)" -lt 4 ]; do sleep 0.01; done
  all=($(ranks))
  [ "${#all[@]}" = 4 ] || return 1
  victim=${all[RANDOM % 4]}
  index=$(tr '\0' '\n' < "/proc/$victim/environ" 2> /dev/null | sed -n 's/^OMPI_COMM_WORLD_RANK=//p') || return 1
  [ -n "$index" ] && kill -KILL "$victim" 2> /dev/null || return 1
  await "$patience"
  [ "$status" != 0 ] || return 1 # it was over already
  grep -qE "rank $index\b" out.txt err.txt || fail "rank $index was killed, and nobody says so"
  # mpirun does not wait for what it kills.
  for process in "${all[@]}"; do
    for ((tries = 0; tries < 50; tries++)); do lives "$process" || break; sleep 0.02; done
    ! lives "$process" || fail "process $process has outlived mpirun: $(ps -o pid,ppid,stat,args "$process")"
  done
}

kill_and_resume() { # threads or processes, kill_threads or kill_process, times
  local killed=0 saving=0 runs=0 interval at="" is_over=yes
  while [ "$killed" -lt "$3" ] || [ -z "$is_over" ]; do
    [ -z "$is_over" ] || { rm -rf killed; runs=$((runs + 1)) is_over=; }
    : > out.txt > err.txt
    # Saves are frequent for as long as there is somebody to kill.
    interval=$((1 + RANDOM % 2))
    [ "$killed" -lt "$3" ] || interval=100
    "$1" killed --set checkpoint.interval="$interval" --resume &
    run=$!
    if [ "$killed" -lt "$3" ]; then
      # One in four during start-up as well, the others while it trains and saves.
      [ $((RANDOM % 4)) = 0 ] || until_it_steps
      pause 600
      if "$2"; then
        killed=$((killed + 1))
        # The last step that was recorded; 0 where the kill came before the first.
        at+=" $(sed -nE '$s/^\{"step":([0-9]+).*/\1/p' killed/metrics.jsonl 2> /dev/null || echo 0)"
        [ "$(find killed/checkpoints -name '*partial*' 2> /dev/null)" = "" ] || saving=$((saving + 1))
      fi
    fi
    await 120
    case $status in
      0) is_over=yes && same killed ;;
      137) ;;
      *) fail "status $status" ;;
    esac
  done
  echo "ok  $1: killed $killed times, $saving of them during a save, after steps$at; $runs run(s), the same bits"
}

# Asks a run to stop, sets `status` to what it ended with, resumes it and compares.
stop_and_resume() { # threads or processes, signal
  rm -rf stopped
  : > out.txt > err.txt
  "$1" stopped --set checkpoint.interval=1 &
  run=$!
  until_it_steps
  pause 300
  kill "-$2" "$run"
  await 60
  is_stopped || fail "$2: did not stop between two steps"
  local answer=$status step
  step=$(sed -nE 's/^stopped after step ([0-9]+).*/\1/p' out.txt)
  [ -e "stopped/checkpoints/step-$(printf %08d "$step")/manifest.json" ] || fail "$2: no checkpoint of step $step"
  "$1" stopped --resume &
  run=$!
  await 120
  [ "$status" = 0 ] || fail "$2: the resumed run ended with status $status"
  same stopped
  status=$answer
  echo "ok  $1: $2 saved step $step and ended with status $status; resumed: the same bits"
}

sed -i 's/interval: 10$/interval: 100/; s/steps: 400/steps: 300/' tiny.yaml
last=step-00000300
threads whole &
run=$!
await 120
[ "$status" = 0 ] || fail "the run left alone ended with status $status"
echo "ok  threads: a run left alone, $(wc -l < whole/metrics.jsonl) steps"

kill_and_resume threads kill_threads $(((times + 1) / 2)) 2> /dev/null # bash reports who was killed
stop_and_resume threads TERM
[ "$status" = 0 ] || fail "SIGTERM: status $status"

if ! command -v mpirun > /dev/null; then
  echo "SKIPPED: no mpirun here (apt install openmpi-bin), so that no rank of its own process was killed"
  exit 0
fi
kill_and_resume processes kill_process $((times / 2)) 2> /dev/null
# mpirun hands SIGUSR1 on as it is. On SIGTERM it waits for as long as `grace`, sends its ranks SIGTERM, waits as
# long again, sends SIGKILL and ends with status 1 whatever they answered.
stop_and_resume processes USR1
[ "$status" = 0 ] || fail "SIGUSR1: status $status"
grace=2 stop_and_resume processes TERM
echo "kill ranks: the same bits"
