import Files

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What has been written of an output whose lines are finished in any order: a file beside it, to which each line is
/// added with its number when it is done. A run that was stopped goes on from it.
///
///     # needletail 2 <what the lines depend on>
///     <number> <CRC-32 of the input line> <output line>
package final class PartialOutput {
  private var descriptor: Int32
  private let path: String

  /// What cannot be gone on from.
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// The files that hold parts of output `path`, of as many writers as there were.
  package static func path(of output: String, writer: Int) -> String { "\(output).part-\(writer)" }

  /// Those that are there.
  package static func parts(of output: String) throws -> [String] {
    let cut =
      output.utf8.lastIndex(of: UInt8(ascii: "/")).map { output.utf8.index(after: $0) } ?? output.startIndex
    let folder = output[..<cut], prefix = output[cut...] + ".part-"
    return try Folder.names(in: folder.isEmpty ? "." : String(folder))
      .filter { name in
        let writer = name.utf8.dropFirst(prefix.utf8.count)
        return name.utf8.starts(with: prefix.utf8) && !writer.isEmpty && writer.allSatisfy { 48...57 ~= $0 }
      }
      .map { folder + $0 }.sorted()
  }

  private static func header(_ settings: String) -> String { "# needletail 2 \(settings)\n" }

  /// Opens the part of writer `writer`, to add to it.
  package init(_ output: String, writer: Int, settings: String) throws {
    path = Self.path(of: output, writer: writer)
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileFailure.current(path, doing: "create") }
    // A line that was cut off is cut away.
    let contents = try MappedFile(path).contents
    let whole = contents.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    guard ftruncate(descriptor, off_t(whole)) == 0 else { throw FileFailure.current(path, doing: "write") }
    if whole == 0 { try add(Array(Self.header(settings).utf8)) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Adds the line of input line `number`; it is there when this returns, whatever happens to the process.
  package func add(_ number: Int, of input: [UInt8], _ line: [UInt8]) throws {
    let checksum = input.withUnsafeBytes { Checksum(of: $0).hexadecimal }
    try add(Array("\(number) \(checksum) ".utf8) + line + [0x0A])
  }

  private func add(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { throw FileFailure.current(path, doing: "write") }
      rest = rest.dropFirst(count)
    }
  }

  /// The lines that the parts of `output` hold, by number. A line that was cut off counts for nothing.
  /// Throws where a part was made with other settings, or from another input.
  package static func lines(of output: String, parts: [String], settings: String, inputs: [ArraySlice<UInt8>])
    throws
    -> [Int: [UInt8]]
  {
    var lines: [Int: [UInt8]] = [:]
    for part in parts {
      let contents = try MappedFile(part).contents
      let whole = contents.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
      for (index, line) in contents[..<whole].split(separator: 0x0A).enumerated() {
        if index == 0 {
          guard Array(line) + [0x0A] == Array(header(settings).utf8) else {
            throw Failure(
              description:
                "\(part): was begun with other settings or another model; remove \(output).part-* to begin "
                + "anew, or give the settings it was begun with")
          }
          continue
        }
        let fields = line.split(separator: 0x20, maxSplits: 2)
        guard fields.count == 3, let number = Int(String(decoding: fields[0], as: UTF8.self)),
          inputs.indices.contains(number),
          inputs[number].withUnsafeBytes({ Checksum(of: $0).hexadecimal })
            == String(decoding: fields[1], as: UTF8.self)
        else {
          throw Failure(
            description: "\(part):\(index + 1): is not of this input; remove \(output).part-* to begin anew")
        }
        lines[number] = Array(fields[2])
      }
    }
    return lines
  }
}
