import ArgumentParser

@main
struct Needletail: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "needletail",
    abstract: "Large-model training in Swift.",
    subcommands: [])
}
