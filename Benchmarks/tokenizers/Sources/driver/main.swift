import Foundation
import Tokenizers

// driver encode TOKENIZER INPUT OUTPUT [threads] [repeats] [lines|documents]   ids as little-endian i32, "seconds" on stdout
// driver train bpe|sentencepiece SIZE PATTERN OUTPUT INPUT…
// TOKENIZER is a file or a folder. INPUT is one text, or many: its lines, or documents ended by zero bytes.

func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

func load(_ path: String) throws -> TokenizerFiles {
  var isFolder: ObjCBool = false
  _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
  let folder = isFolder.boolValue ? path : (path as NSString).deletingLastPathComponent
  let names =
    isFolder.boolValue
    ? try FileManager.default.contentsOfDirectory(atPath: path) : [(path as NSString).lastPathComponent]
  var files: [String: [UInt8]] = [:]
  for name in TokenizerFormat.files(among: names) ?? [] { files[name] = try bytes(folder + "/" + name) }
  return try TokenizerFormat.load(files)
}

func seconds<T>(_ body: () throws -> T) rethrows -> (T, Double) {
  let clock = ContinuousClock()
  let start = clock.now
  let result = try body()
  let duration = clock.now - start
  return (result, Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18)
}

func encode(_ arguments: [String]) throws {
  let (files, loading) = try seconds { try load(arguments[0]) }
  print("load \(loading) s: \(files.tokenizer.summary)")
  let text = try bytes(arguments[1])
  let threads = arguments.count > 3 ? Int(arguments[3]) ?? 1 : 1
  let repeats = arguments.count > 4 ? Int(arguments[4]) ?? 1 : 1
  let separator: UInt8? = arguments.count > 5 ? (arguments[5] == "lines" ? 10 : 0) : nil
  let documents = separator.map { text.split(separator: $0).map(Array.init) } ?? [text]
  var ids: [Int32] = []
  var best = Double.infinity
  for _ in 0..<repeats {
    let (found, time) = seconds { files.tokenizer.encode(documents: documents, threads: threads) }
    best = min(best, time)
    ids = found.count == 1 ? found[0] : Array(found.joined())
  }
  print(
    "encode \(best) s, \(Double(text.count) / best / 1e6) MB/s, \(ids.count) ids, threads \(threads)")
  if documents.count == 1 {
    let (back, time) = seconds { files.tokenizer.decode(ids) }
    print("decode \(time) s, round trip \(back == text ? "exact" : "DIFFERS")")
  }
  let data = ids.withUnsafeBytes { Data($0) }
  try data.write(to: URL(fileURLWithPath: arguments[2]))
}

func train(_ arguments: [String]) throws {
  let size = Int(arguments[1]) ?? 0
  var documents: [[UInt8]] = []
  for path in arguments[4...] { documents.append(try bytes(path)) }
  var model: [UInt8]
  let time: Double
  if arguments[0] == "bpe" {
    var trainer = BytePairTrainer(vocabularySize: size)
    trainer.minimumFrequency = 0
    let pattern = Pretokenizer.Pattern(named: arguments[2]) ?? .gpt2
    let (files, took) = try seconds { try trainer.train(documents, pattern: pattern, threads: 2) }
    (model, time) = (files.files["tokenizer.json"] ?? [], took)
  } else {
    (model, time) = try seconds { try SentencePieceTrainer(vocabularySize: size).train(documents) }
  }
  print("train \(time) s, \(model.count) bytes")
  try Data(model).write(to: URL(fileURLWithPath: arguments[3]))
}

do {
  switch CommandLine.arguments.dropFirst().first {
  case "encode": try encode(Array(CommandLine.arguments.dropFirst(2)))
  case "train": try train(Array(CommandLine.arguments.dropFirst(2)))
  default: print("usage: driver encode TOKENIZER INPUT OUTPUT [threads] [repeats] [lines|documents]")
  }
} catch {
  print("error: \(error)")
  exit(1)
}
