// swift-tools-version: 6.2
import PackageDescription

// Needletail's house: a target imports only from rows below it. Read from the bottom up.
// `NEEDLETAIL_STRICT=1` (CI) turns warnings into errors; a user's newer compiler must not break a build.

let strict: [SwiftSetting] =
  Context.environment["NEEDLETAIL_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]

/// A target of the house and its tests.
func layer(
  _ name: String, needs: [Target.Dependency] = [], testNeeds: [Target.Dependency] = []
) -> [Target] {
  [
    .target(name: name, dependencies: needs, swiftSettings: strict),
    .testTarget(
      name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + needs + testNeeds,
      exclude: ["Fixtures"], swiftSettings: strict),
  ]
}

// Libraries in C and C++.
let libraries: [Target] = [
  .target(name: "CAllocations"),
  .target(name: "CMPI"),
  .target(
    name: "CKernels",
    linkerSettings: [.linkedLibrary("m"), .linkedLibrary("pthread")]),
  .target(
    name: "CSentencePiece",
    linkerSettings: [.linkedLibrary("sentencepiece"), .linkedLibrary("sentencepiece_train")]),
  .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
]

let house: [Target] =
  // 0  Values and their storage.
  layer("Tensors", needs: ["CKernels"], testNeeds: ["KernelChecks"])
  + layer("JSON")
  + layer("Topology")
  + layer("Files", needs: ["CZlib"])
  + layer("Recipes", needs: [.product(name: "Yams", package: "Yams")])
  + layer("Telemetry", needs: [.product(name: "Logging", package: "swift-log")])
  // 1  Ranks that talk, the order of their work, text to ids, conversations to text.
  + layer("Collectives", needs: ["Tensors", "Topology", "CMPI"])
  + layer("Schedules")
  + layer("Tokenizers", needs: ["JSON", "CSentencePiece"])
  + layer("Templates", needs: ["JSON"])
  // 2  The mathematics and its state.
  + layer("Layers", needs: ["Tensors", "Topology", "Collectives"])
  + layer("Optimizers", needs: ["Tensors"])
  + layer("Checkpoints", needs: ["Tensors", "Topology", "Files"])
  // 3  Architectures and data.
  + layer(
    "Models",
    needs: [
      "Layers", "Collectives", "Topology", "Tensors", "Tokenizers", "Checkpoints", "Recipes", "Files", "JSON",
    ],
    testNeeds: ["Optimizers", "CAllocations"])
  + layer("Corpus", needs: ["Tokenizers", "Files", "CZlib", "CZstd"])
  // 4  The engines.
  + layer(
    "Training",
    needs: [
      "Models", "Corpus", "Optimizers", "Layers", "Schedules", "Collectives", "Topology", "Checkpoints",
      "Recipes", "Telemetry", "Tensors", "Tokenizers", "Files", "CAllocations",
    ])
  + layer(
    "Generation",
    needs: [
      "Models", "Layers", "Collectives", "Topology", "Tokenizers", "JSON", "Files", "Telemetry",
      "Tensors",
    ])
  // 5  What people do with models, and what they plan to.
  + layer(
    "Planning",
    needs: [
      "Training", "Models", "Corpus", "Layers", "Schedules", "Collectives", "Topology", "Optimizers",
      "Recipes", "Telemetry", "Tensors", "Files",
    ])
  + layer(
    "Evaluation",
    needs: ["Models", "Corpus", "Tokenizers", "Layers", "Collectives", "Topology", "Tensors"])
  + layer(
    "Serving",
    needs: [
      "Generation", "Tokenizers", "JSON",
      .product(name: "Hummingbird", package: "hummingbird"),
      .product(name: "HummingbirdCore", package: "hummingbird"),
      .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOHTTP1", package: "swift-nio"),
      .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
      .product(name: "HTTPTypes", package: "swift-http-types"),
      .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      .product(name: "Logging", package: "swift-log"),
      .product(name: "Crypto", package: "swift-crypto"),
    ],
    testNeeds: [.product(name: "NIOPosix", package: "swift-nio")])

// 6  The command.
let commands: [Target] = [
  .executableTarget(
    name: "needletail",
    dependencies: [
      "Planning", "Training", "Generation", "Evaluation", "Serving", "Templates", "Corpus", "Models",
      "Checkpoints", "Optimizers",
      "Schedules",
      "Collectives", "Topology", "Tokenizers", "Recipes", "Telemetry", "Files", "JSON", "Layers", "Tensors",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ],
    swiftSettings: strict),
  .target(
    name: "TestSupport", dependencies: ["Checkpoints", "Layers", "Tensors"], path: "Tests/TestSupport",
    swiftSettings: strict),
  .target(name: "KernelChecks", dependencies: ["CKernels"], path: "Tests/KernelChecks"),
  .executableTarget(
    name: "CollectivesCheck", dependencies: ["Collectives", "Topology", "Tensors"],
    path: "Tests/CollectivesCheck", swiftSettings: strict),
  .executableTarget(
    name: "ParallelBenchmark",
    dependencies: ["Collectives", "Schedules", "Topology", "Telemetry", "Tensors"],
    path: "Benchmarks/parallel/Sources", swiftSettings: strict),
]

let package = Package(
  name: "needletail",
  products: [.executable(name: "needletail", targets: ["needletail"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.0.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "3.12.3"),
  ],
  targets: libraries + house + commands,
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
