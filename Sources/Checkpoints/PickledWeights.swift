import Files
import FoundationEssentials

/// A file of weights that is a Python program: opening it runs what its maker wrote, so it is not opened.
package struct PickledWeights {
  package let name: String
  private let directory: String

  /// How pickles begin that hold other things: tokenizers, and what trainers keep beside weights.
  private static let others = ["tok", "optimizer", "scheduler", "scaler", "rng_state", "training_args"]

  /// The first such file of `directory`, its folders of ranks included; nil where there is none.
  package init?(_ directory: String) {
    func names(_ path: String) -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }
    func isPickle(_ name: String) -> Bool {
      [".bin", ".pt", ".pth", ".ckpt", ".pkl"].contains { name.hasSuffix($0) }
        && !Self.others.contains { name.hasPrefix($0) }
    }
    let folders = names(directory).filter {
      $0.hasPrefix("iter_") || $0 == "release" || $0.hasPrefix("mp_rank_")
    }
    let ranks = folders.flatMap { folder in
      names("\(directory)/\(folder)").filter { $0.hasPrefix("mp_rank_") }.map { "\(folder)/\($0)" }
    }
    let found = ([""] + folders.map { "\($0)/" } + ranks.map { "\($0)/" }).lazy.compactMap { folder in
      names("\(directory)/\(folder)").first(where: isPickle).map { folder + $0 }
    }
    guard let name = found.first else { return nil }
    self.name = name
    self.directory = directory
  }

  /// Whether Megatron-LM wrote it.
  private var isMegatron: Bool { name.hasSuffix("model_optim_rng.pt") }

  /// What `config.json` says.
  private struct Config: Decodable {
    let architectures: [String]
  }

  /// The class of transformers that the weights are of.
  private var modelClass: String {
    guard let bytes = try? MappedFile("\(directory)/config.json").contents,
      let name = try? JSONDecoder().decode(Config.self, from: Data(bytes)).architectures.first, !name.isEmpty,
      name.utf8.count < 100,
      // It becomes part of a command.
      name.unicodeScalars.allSatisfy({
        $0.isASCII && $0.properties.isAlphabetic || "0"..."9" ~= $0 || $0 == "_"
      })
    else { return "AutoModelForPreTraining" }
    return name
  }

  /// What to do instead.
  package var advice: String {
    // The folder that has one for each rank.
    let ranks = ([directory] + name.split(separator: "/").dropLast(2).map(String.init)).joined(separator: "/")
    let line =
      isMegatron
      ? "python Scripts/convert/megatron.py \(ranks) OUT"
      : "python -c \"from transformers import \(modelClass) as M; "
        + "M.from_pretrained('\(directory)').save_pretrained('OUT')\""
    return
      "holds its weights as \(name), a pickle, which may run any program when it is opened and is not read; "
      + "write safetensors with: \(line)"
  }
}
