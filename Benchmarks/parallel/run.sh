#!/usr/bin/env bash
# What parallelism gains and costs, on ranks that are threads: schedules beside the papers' formulas (their passes
# sleep, so four ranks need not four processors), and collectives of 64 MiB beside memcpy. A minute.
#
#   Benchmarks/parallel/run.sh [pipeline | collectives]
set -euo pipefail
cd "$(dirname "$0")/../.."
# The product's flags, so that what it built serves.
swift build -c release --product ParallelBenchmark --static-swift-stdlib -Xswiftc -use-ld=lld >&2
echo "$(date +%F), $(grep -m 1 "model name" /proc/cpuinfo | cut -d : -f 2 | xargs), $(nproc) processors," \
  "load $(cut -d ' ' -f 1 /proc/loadavg)"
.build/release/ParallelBenchmark "$@"
