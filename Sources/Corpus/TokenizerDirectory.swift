import Files
import FoundationEssentials
import Tokenizers

/// A tokenizer on disk: a file, or a directory that holds one.
package struct TokenizerDirectory: Sendable {
  package let path: String
  package let files: TokenizerFiles
  package var tokenizer: any Tokenizer { files.tokenizer }

  /// Reads the tokenizer at `path`. Throws when there is none or it is damaged.
  package init(_ path: String) throws {
    self.path = path
    var isDirectory = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw CorpusFailure(
        path,
        "no such file or directory, expected a tokenizer; train one with "
          + "`needletail tokenizer train`")
    }
    var contents: [String: [UInt8]] = [:]
    if isDirectory {
      let names = try FileManager.default.contentsOfDirectory(atPath: path)
      guard let used = TokenizerFormat.files(among: names) else {
        throw CorpusFailure(
          path,
          "holds no tokenizer; expected tokenizer.json, vocab.json with merges.txt, a *.model, a *.tiktoken "
            + "file, vocab.txt or tokenizer.bin")
      }
      for name in used { contents[name] = try MappedFile("\(path)/\(name)").contents }
    } else {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      contents[name] = try MappedFile(path).contents
    }
    do { files = try TokenizerFormat.load(contents) } catch {
      // The reader knows file names; the user needs to know whose.
      throw CorpusFailure(path, "\(error)")
    }
  }

  /// What tells this tokenizer from others.
  package var identity: CorpusDescription.TokenizerIdentity {
    var checksum = Checksum()
    for (_, bytes) in files.files.sorted(by: { $0.key < $1.key }) {
      bytes.withUnsafeBytes { checksum.update($0) }
    }
    return CorpusDescription.TokenizerIdentity(
      name: path, vocabularySize: tokenizer.vocabularySize, endOfText: tokenizer.endOfText,
      checksum: checksum.hexadecimal)
  }

  /// Writes the tokenizer's files into `directory`, as they are.
  package func copy(to directory: String) throws {
    for (name, bytes) in files.files {
      let file = try AtomicFile("\(directory)/\(name)")
      try file.write(bytes)
      try file.commit()
    }
  }
}
