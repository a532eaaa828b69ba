#!/usr/bin/env bash
# Runs a command with mpirun across network namespaces that stand for machines: a bridge, a cable to each, TCP in
# between, names and addresses of their own. Needs root, iproute2 and Open MPI; leaves nothing behind.
#
#   Scripts/cluster/namespaces.sh [-h hosts=2] [-p ranks per host=1] [-r rate of each cable, such as 1gbit] command…
set -euo pipefail

hosts=2 ranks=1 rate=
while getopts h:p:r: option; do
  case $option in
    h) hosts=$OPTARG ;;
    p) ranks=$OPTARG ;;
    r) rate=$OPTARG ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { echo "what should the hosts run?" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "network namespaces need root" >&2; exit 2; }

id=$$ subnet=10.77.$(($$ % 256))
place=$(mktemp -d "${TMPDIR:-/tmp}/needletail-hosts-XXXXXX")
clean_up() {
  for ((host = 1; host <= hosts; host++)); do
    for process in $(ip netns pids "nt$id-$host" 2> /dev/null); do
      kill -KILL "$process" 2> /dev/null || true
    done
    ip link del "nt$id-$host" 2> /dev/null || true
    ip netns del "nt$id-$host" 2> /dev/null || true
  done
  ip link del "nt$id" 2> /dev/null || true
  rm -rf "$place"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ip link add "nt$id" type bridge
ip addr add "$subnet.254/24" dev "nt$id"
ip link set "nt$id" up
names=
for ((host = 1; host <= hosts; host++)); do
  ip netns add "nt$id-$host"
  ip link add "nt$id-$host" type veth peer name eth0 netns "nt$id-$host"
  ip link set "nt$id-$host" master "nt$id" up
  ip -n "nt$id-$host" addr add "$subnet.$host/24" dev eth0
  ip -n "nt$id-$host" link set eth0 up
  ip -n "nt$id-$host" link set lo up
  if [ -n "$rate" ]; then
    tc -n "nt$id-$host" qdisc add dev eth0 root tbf rate "$rate" burst 256kb latency 50ms
  fi
  names+=${names:+,}$subnet.$host:$ranks
done

# What mpirun calls in place of ssh: agent [options] address command.
cat > "$place/agent" <<AGENT
#!/usr/bin/env bash
while [[ \$1 == -* ]]; do shift; done
host=\${1##*.}
shift
exec ip netns exec "nt$id-\$host" unshare --uts bash -c "hostname host\$host; \$*"
AGENT
chmod +x "$place/agent"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpirun -n $((hosts * ranks)) --host "$names" --oversubscribe --bind-to none \
  --mca plm_rsh_agent "$place/agent" --mca pml ob1 --mca btl tcp,self,vader --mca mpi_yield_when_idle 1 \
  --mca oob_tcp_if_include "$subnet.0/24" --mca btl_tcp_if_include "$subnet.0/24" "$@"
