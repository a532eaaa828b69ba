#!/usr/bin/env bash
# Keeps a run going: starts the command again with --resume for as long as it fails, and gives up after FAILURES (3)
# failures in a row between which no newer checkpoint came. RUN is the run's directory (checkpoint.directory; as
# there, runs/default if nothing is said).
#
#   RUN=runs/big FAILURES=3 Scripts/cluster/restart-loop.sh mpirun -n 4 needletail train recipe.yaml --set …
#
# Ends with 0 when the command did: the run is done, or was asked to stop. SIGTERM, SIGINT and SIGUSR1 are passed on
# to the command, which is not started again after that; to mpirun and srun send SIGUSR1 (README.md says why).
set -uo pipefail
[ $# -gt 0 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
run=${RUN:-runs/default} limit=${FAILURES:-3}

newest() { find "$run/checkpoints" -maxdepth 1 -name 'step-*' 2> /dev/null | sort | tail -n 1; }

child='' asked=''
for signal in TERM INT USR1; do
  trap 'asked=yes; [ -z "$child" ] || kill -'"$signal"' "$child" 2> /dev/null' "$signal"
done

failures=0
while [ -z "$asked" ]; do
  before=$(newest)
  "$@" --resume &
  child=$!
  wait "$child"
  status=$?
  # A trapped signal ends a wait; the command may still be saving.
  while kill -0 "$child" 2> /dev/null; do wait "$child"; status=$?; done
  child=''
  [ "$status" != 0 ] || exit 0
  [ -z "$asked" ] || break
  if [ "$(newest)" != "$before" ]; then failures=0; fi
  failures=$((failures + 1))
  echo "restart-loop: status $status, newest checkpoint $(newest): failure $failures of $limit" >&2
  [ "$failures" -lt "$limit" ] || { echo "restart-loop: giving up" >&2; exit "$status"; }
  sleep "${PAUSE:-5}" &
  wait $!
done
exit "${status:-0}"
