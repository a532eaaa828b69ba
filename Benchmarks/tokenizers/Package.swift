// swift-tools-version: 6.2
import PackageDescription

// The product's own tokenizer sources (linked, not copied) behind a command small enough to time.
let package = Package(
  name: "tokenizer-benchmark",
  targets: [
    .target(
      name: "CSentencePiece",
      linkerSettings: [.linkedLibrary("sentencepiece"), .linkedLibrary("sentencepiece_train")]),
    .target(name: "Tokenizers", dependencies: ["CSentencePiece"]),
    .executableTarget(name: "driver", dependencies: ["Tokenizers"]),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
