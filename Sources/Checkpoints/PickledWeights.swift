import FoundationEssentials

/// A file of weights that is a Python program: opening it runs what its maker wrote, so it is not opened.
package struct PickledWeights {
  package let name: String
  private let directory: String

  /// The first such file of `directory`, its folders of ranks included; nil where there is none.
  package init?(_ directory: String) {
    func names(_ path: String) -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }
    func isPickle(_ name: String) -> Bool {
      [".bin", ".pt", ".pth", ".ckpt", ".pkl"].contains { name.hasSuffix($0) } && !name.hasPrefix("tok")
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

  /// What to do instead.
  package var advice: String {
    let line =
      isMegatron
      ? "Scripts/convert/megatron.py \(directory)/\(name) OUT"
      : "python -c \"from transformers import AutoModelForPreTraining as M; "
        + "M.from_pretrained('\(directory)').save_pretrained('OUT')\""
    return
      "holds its weights as \(name), a pickle, which may run any program when it is opened and is not read; "
      + "write safetensors with: \(line)"
  }
}
