// What parallelism costs and gains, on ranks that are threads of this process; run.sh says how to build it.
//
//   ParallelBenchmark pipeline       schedules on four stages whose passes sleep
//   ParallelBenchmark collectives    64 MiB between two ranks, beside memcpy
//   ParallelBenchmark                both

let command = CommandLine.arguments.dropFirst().first ?? "all"
switch command {
case "pipeline": try PipelineMeasurements().run()
case "collectives": try CollectiveMeasurements().run()
case "all":
  try PipelineMeasurements().run()
  print("")
  try CollectiveMeasurements().run()
default:
  print("unknown command \(command): pipeline, collectives, or nothing for both")
}
