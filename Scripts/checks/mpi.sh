#!/usr/bin/env bash
# Collectives over MPI: every operation bit for bit with 2 and 4 processes, then ranks that stop, die or disagree,
# and a binary without MPI. With `network` also across namespaces, with `slurm` under srun (both need root), with
# `mpich` over that MPI, with `huge` messages of more than 2 GiB (14 GB of memory).
#
#   Scripts/checks/mpi.sh [CollectivesCheck] [network] [slurm] [mpich] [huge]
set -euo pipefail
here=$(dirname "$0")
check=.build/release/CollectivesCheck
if [ -x "${1:-}" ]; then check=$1; shift; fi
[ -x "$check" ] || { echo "$check is missing: swift build -c release --product CollectivesCheck" >&2; exit 1; }
check=$(realpath "$check")
output=$(mktemp "${TMPDIR:-/tmp}/needletail-mpi-XXXXXX")
trap 'rm -f "$output"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1

launch() { # processes, arguments…
  timeout 120 mpirun --oversubscribe --bind-to none -n "$1" "$check" "${@:2}"
}

fails() { # status, text that the output has, command…
  local status=0
  "${@:3}" &> "$output" || status=$?
  if [ "$status" != "$1" ] || ! grep -q "$2" "$output"; then
    echo "expected status $1 and \"$2\", got $status and:"
    cat "$output"
    exit 1
  fi
  echo "ok  status $1: $(grep -m 1 "$2" "$output")"
}

launch 2
launch 4
fails 75 "rank 1 has not come" launch 2 stuck
fails 75 "rank 3 has not come" launch 4 stuck
fails 75 "rank 3: does not answer" launch 4 freeze
fails 137 "rank 3 .*signal 9" launch 4 die
fails 75 "different things" launch 2 mismatch
# No MPI on this machine.
fails 1 "apt install openmpi-bin" "$check" missing
# Another MPI than the launcher's: it knows of one process where four were started.
fails 1 "has started 4 processes" env OMPI_COMM_WORLD_SIZE=4 "$check"

for part in "$@"; do
  case $part in
    network)
      "$here/../cluster/namespaces.sh" -h 2 "$check"
      "$here/../cluster/namespaces.sh" -h 4 "$check"
      "$here/../cluster/namespaces.sh" -h 2 -p 2 "$check"
      fails 75 "rank 3 has not come" "$here/../cluster/namespaces.sh" -h 2 -p 2 "$check" stuck
      ;;
    slurm)
      "$here/../cluster/slurm-single-node.sh" srun --mpi=pmix -n 2 "$check"
      fails 1 "srun --mpi=pmix" "$here/../cluster/slurm-single-node.sh" srun -n 2 "$check"
      ;;
    mpich)
      mpiexec.hydra -n 2 "$check"
      mpiexec.hydra -n 4 "$check"
      fails 75 "rank 3 has not come" mpiexec.hydra -n 4 "$check" stuck
      ;;
    huge) launch 2 huge ;;
    *) echo "unknown part $part" >&2; exit 2 ;;
  esac
done
echo "MPI: every check passed"
