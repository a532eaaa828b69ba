import ArgumentParser
import Checkpoints
import Telemetry
import Training

struct CheckpointCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint", abstract: "Look at checkpoints, check them, and merge those of many ranks.",
    subcommands: [Inspect.self, Verify.self, Merge.self])

  struct Source: ParsableArguments {
    @Argument(help: "A checkpoint, or a run's directory: its newest one.", completion: .directory)
    var path: String

    /// The checkpoint, and what is wrong with newer ones of the run.
    func open() throws -> (checkpoint: Checkpoint?, damaged: [CheckpointFailure]) {
      guard !Checkpoint.exists(path) else { return (try Checkpoint(path), []) }
      for store in [CheckpointStore(RunDirectory(path).checkpoints), CheckpointStore(path)] {
        let found = try store.scan()
        let newest = found.checkpoints.first
        guard newest != nil || !found.damaged.isEmpty else { continue }
        return (newest, found.damaged)
      }
      throw CheckpointFailure(
        path, "expected a checkpoint with its manifest.json, or a run's directory that has one")
    }

    /// The checkpoint; newer ones that cannot be read are named on standard error.
    func openSound() throws -> Checkpoint {
      let (checkpoint, damaged) = try open()
      guard let checkpoint else { throw damaged[0] }
      for failure in damaged { Terminal.standardError.writeLine("passed over: \(failure)") }
      return checkpoint
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify",
      abstract: "Read all of a checkpoint; name every file that is not as it was written.",
      discussion: """
        needletail checkpoint verify runs/demo
        """)

    @OptionGroup var source: Source

    func run() throws {
      var (checkpoint, damages) = try source.open()
      if let checkpoint {
        let progress = ProgressLine("verify", total: checkpoint.manifest.byteCount, unit: "byte")
        damages += checkpoint.damages { progress.update($0) }
        progress.finish()
      }
      for damage in damages { Terminal.standardError.writeLine(damage.description) }
      guard damages.isEmpty, let checkpoint else { throw ExitCode.failure }
      let manifest = checkpoint.manifest
      let fileCount = manifest.shards.count + manifest.state.count
      print("\(checkpoint.path): sound, \(fileCount) files, \(Bytes(manifest.byteCount))")
    }
  }

  struct Merge: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "merge",
      abstract: "Write the checkpoint of many ranks as one rank would have written it.",
      discussion: """
        needletail checkpoint merge runs/demo --output merged/step-00001000
        """)

    @OptionGroup var source: Source

    @Option(help: "The new checkpoint's directory, which must not exist.", completion: .directory)
    var output: String

    func run() throws {
      let checkpoint = try source.openSound()
      let progress = ProgressLine("merge", total: checkpoint.manifest.tensorBytes, unit: "byte")
      let merged = try checkpoint.merge(into: output) { progress.update($0) }
      progress.finish()
      print("\(merged.path): step \(merged.step), \(merged.manifest.contents)")
    }
  }
}

extension Manifest {
  /// "132 tensors in 2 shards, 20.3 MiB"
  fileprivate var contents: String {
    "\(tensors.count) tensors in \(shards.count) shard\(shards.count == 1 ? "" : "s"), \(Bytes(byteCount))"
  }
}
