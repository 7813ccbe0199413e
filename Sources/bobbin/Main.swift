import ArgumentParser

@main
struct Bobbin: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "bobbin")
}
