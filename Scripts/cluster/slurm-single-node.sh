#!/usr/bin/env bash
# A Slurm of one node for as long as a command takes: munged, slurmctld and slurmd as root, with their files in a
# directory that goes away. Needs munge, slurmctld, slurmd, slurm-client (apt). The command finds srun and sbatch
# configured:
#
#   Scripts/cluster/slurm-single-node.sh srun --mpi=pmix -n 2 command…
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "daemons of Slurm need root" >&2; exit 2; }

# `srun --mpi=pmix` opens libpmix.so, a name that Debian gives to the library in libpmix-dev alone, among much else.
# Where it is missing, a folder that has it covers the real one, for the processes of this script only.
pmix=$(dirname "$(find /usr/lib -path '*/pmix2/lib/libpmix.so.2' -print -quit)")
if [ ! -e "$pmix/libpmix.so" ] && [ -z "${NEEDLETAIL_OWN_MOUNTS:-}" ]; then
  NEEDLETAIL_OWN_MOUNTS=yes exec unshare --mount "$0" "$@"
fi

place=$(mktemp -d "${TMPDIR:-/tmp}/needletail-slurm-XXXXXX")
chmod 755 "$place"
daemons=()
clean_up() {
  # Slurm first, what its messages are signed with last.
  for ((index = ${#daemons[@]} - 1; index >= 0; index--)); do
    kill "${daemons[index]}" 2> /dev/null || true
    wait "${daemons[index]}" 2> /dev/null || true
  done
  rm -rf "$place"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ ! -e "$pmix/libpmix.so" ]; then
  cp -a "$pmix" "$place/pmix"
  ln -s libpmix.so.2 "$place/pmix/libpmix.so"
  mount --bind "$place/pmix" "$pmix"
fi

mkdir -p "$place"/{munge,state,spool}
head -c 1024 /dev/urandom > "$place/munge/key"
chmod 600 "$place/munge/key"
/usr/sbin/munged --foreground --force --key-file="$place/munge/key" --socket="$place/munge/socket" \
  --pid-file="$place/munge/pid" --seed-file="$place/munge/seed" --log-file="$place/munge/log" \
  &> "$place/munge/out" &
daemons+=($!)
for ((try = 0; try < 50; try++)); do
  [ ! -S "$place/munge/socket" ] || break
  sleep 0.1
done

first=$((20000 + $$ % 10000))
cpus=$(nproc)
cat > "$place/slurm.conf" <<CONF
ClusterName=needletail
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$place/munge/socket
SlurmctldPort=$first
SlurmdPort=$((first + 1))
SlurmctldPidFile=$place/slurmctld.pid
SlurmdPidFile=$place/slurmd.pid
SlurmctldLogFile=$place/slurmctld.log
SlurmdLogFile=$place/slurmd.log
StateSaveLocation=$place/state
SlurmdSpoolDir=$place/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SlurmctldTimeout=30
KillWait=2
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
CONF
export SLURM_CONF=$place/slurm.conf

/usr/sbin/slurmctld -D -c -f "$SLURM_CONF" &> "$place/slurmctld.out" &
daemons+=($!)
/usr/sbin/slurmd -D -f "$SLURM_CONF" &> "$place/slurmd.out" &
daemons+=($!)
is_up=
for ((try = 0; try < 50; try++)); do
  if timeout 2 sinfo -h -o %t 2> /dev/null | grep -q idle; then is_up=yes; break; fi
  sleep 0.2
done
[ "$is_up" ] || {
  echo "Slurm did not come up:" >&2
  tail -n 5 "$place"/*.log "$place"/*.out "$place/munge/out" >&2
  exit 1
}

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
status=0
"$@" || status=$?
exit "$status"
