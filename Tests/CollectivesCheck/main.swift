import Collectives
import Topology

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// What mpirun starts to check the MPI carrier: `Scripts/checks/mpi.sh` says how.
//
//   CollectivesCheck            every operation, bit for bit
//   CollectivesCheck huge       messages of more than 2 GiB (2 ranks: 10 GB)
//   CollectivesCheck measure    latency, bandwidth, overlap
//   CollectivesCheck stuck      the last rank does not come: the job ends and names it
//   CollectivesCheck freeze     the last rank's process stops, and does not answer
//   CollectivesCheck die        the last rank is killed
//   CollectivesCheck mismatch   the ranks do not ask for the same
//   CollectivesCheck missing    no MPI is installed
//   CollectivesCheck hello      rank, ranks, host

let command = CommandLine.arguments.dropFirst().first ?? "check"
do {
  let launch: MPILaunch =
    command == "missing"
    ? MPILaunch(ranks: 1, launcher: "", libraries: ["libmpi-not-here.so.40"])
    : try MPILaunch(environment: environmentOfProcess()) ?? .none
  let cluster = try MPICluster(launch, limit: .seconds(["stuck", "freeze"].contains(command) ? 2 : 60))
  let rank = cluster.rank(of: Mesh(data: cluster.rankCount))
  switch command {
  case "check":
    var checks = Checks(isSpeaker: rank.isFirst)
    checks.run(cluster)
    if rank.isFirst { print("\(cluster.version)\n\(rank.world.count) ranks: \(checks.summary)") }
    if checks.hasFailed { cluster.abort(status: 1, "rank \(rank.index): \(checks.failures)") }
  case "huge":
    var checks = Checks(isSpeaker: rank.isFirst)
    checks.huge(rank.world)
    if checks.hasFailed { cluster.abort(status: 1, "rank \(rank.index): \(checks.failures)") }
  case "measure": Measurements(rank.world).run()
  case "stuck": misbehave(rank) { while true { usleep(1000) } }
  case "freeze": misbehave(rank) { kill(getpid(), SIGSTOP) }
  case "die": misbehave(rank) { kill(getpid(), SIGKILL) }
  case "mismatch": askForDifferentThings(rank)
  case "hello": print("rank \(rank.index) of \(cluster.rankCount) on \(hostName())")
  default: cluster.abort(status: 2, "unknown command \(command)")
  }
  try cluster.finish()
} catch {
  print("error: \(error)")
  exit(1)
}
