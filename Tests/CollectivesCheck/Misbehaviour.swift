import Collectives
import Tensors
import Topology

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

func environmentOfProcess() -> [String: String] {
  let names = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "PMIX_RANK"]
  return Dictionary(
    uniqueKeysWithValues: names.compactMap { name in getenv(name).map { (name, String(cString: $0)) } })
}

func hostName() -> String {
  var name = [CChar](repeating: 0, count: 256)
  gethostname(&name, name.count)
  return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// All go through a step; then the last rank does `deed` in place of the second all-reduce.
func misbehave(_ rank: Rank, _ deed: () -> Void) {
  let device = Device(threads: 1)
  let x = Tensor(zeros: Shape(1 << 20), on: device)
  rank.status.note(step: 3)
  rank.data.allReduce(x)
  rank.status.note("forward of microbatch", 7)
  if rank.index == rank.world.count - 1 { deed() }
  rank.data.allReduce(x)
}

func askForDifferentThings(_ rank: Rank) {
  let x = Tensor(zeros: Shape(1000 + rank.index), on: Device(threads: 1))
  rank.data.allReduce(x)
}
