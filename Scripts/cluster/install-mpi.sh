#!/bin/sh
# Installs Open MPI where there is none (Debian, as root or through sudo). Needletail runs without it; ranks that are
# processes need it.
set -eu
command -v mpirun >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ]; then asRoot=""; else asRoot="sudo"; fi
$asRoot apt-get install -y --no-install-recommends openmpi-bin ||
  { $asRoot apt-get update && $asRoot apt-get install -y --no-install-recommends openmpi-bin; }
