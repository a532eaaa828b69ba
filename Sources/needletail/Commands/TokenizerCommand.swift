import ArgumentParser
import Corpus
import Files
import Telemetry
import Tensors
import Tokenizers

struct TokenizerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer", abstract: "Train tokenizers and use them.",
    subcommands: [Train.self, Encode.self, Decode.self])

  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case bpe, sentencepiece, wordpiece
  }

  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "train",
      abstract: "Learn a vocabulary from text.",
      discussion: """
        needletail tokenizer train --input book/*.txt --vocabulary 8192 --output tokenizer
        needletail tokenizer train --input book/*.txt --kind sentencepiece --vocabulary 8192 --output tokenizer
        needletail tokenizer train --input book/*.txt --kind wordpiece --vocabulary 8192 --output tokenizer

        bpe writes tokenizer.json (byte-level, as GPT-2; Hugging Face reads it); sentencepiece writes
        tokenizer.model (BPE with byte fallback, digits split, whitespace preserved, as Nemotron-4); wordpiece
        writes tokenizer.json, tokenizer_config.json and vocab.txt (BERT's; Hugging Face reads them).
        """)

    @OptionGroup var inputs: CorpusCommand.InputFlags

    @Option(help: "Tokens in the vocabulary, the 256 bytes and the special tokens included.")
    var vocabulary: Int

    @Option(help: "bpe, sentencepiece or wordpiece.")
    var kind = Kind.bpe

    @Option(help: "The directory that the tokenizer is written into.")
    var output: String

    @Option(help: "Worker threads; by default one for each processor.")
    var threads: Int?

    @Option(
      help: """
        Special tokens of the vocabulary: by default <|endoftext|>, the first ends documents (bpe), or BERT's \
        [PAD] [UNK] [CLS] [SEP] [MASK] (wordpiece).
        """)
    var special: [String] = []

    @Flag(help: "Keep capitals and accents. (wordpiece)")
    var cased = false

    func run() throws {
      try ThreadCount.check(threads)
      let start = ContinuousClock.now
      let documents = DocumentFeed(try TextDocuments(inputs.input, options: inputs.options()))
      let files =
        switch kind {
        case .bpe: try trainBytePairs(documents)
        case .sentencepiece: ["tokenizer.model": try trainSentencePiece(documents)]
        case .wordpiece: try trainWordPieces(documents)
        }
      try documents.check()
      try Folder.create(output)
      let names = files.keys.sorted()
      for name in names {
        let file = try AtomicFile("\(output)/\(name)")
        try file.write(files[name] ?? [])
        try file.commit()
      }
      print(
        Table(rows: [
          ["tokenizer", names.map { "\(output)/\($0)" }.joined(separator: " ")],
          ["kind", try TokenizerDirectory(output).tokenizer.summary],
          ["text", "\(Brief.count(documents.count)) documents, \(Bytes(documents.bytes))"],
          ["time", Brief.duration(ContinuousClock.now - start)],
        ]))
    }

    private func trainBytePairs(_ documents: DocumentFeed) throws -> [String: [UInt8]] {
      var trainer = BytePairTrainer(vocabularySize: vocabulary)
      if !special.isEmpty { trainer.specialTokens = special }
      let counter = WordCounter(Pretokenizer(.gpt2), threads: threads ?? Device.processorCount)
      try count(documents, counter)
      let progress = ProgressLine("merge", total: nil, unit: "merge")
      defer { progress.finish() }
      return try trainer.train(counter) { progress.update($0.merges) }.files
    }

    private func trainWordPieces(_ documents: DocumentFeed) throws -> [String: [UInt8]] {
      var trainer = WordPieceTrainer(vocabularySize: vocabulary)
      if !special.isEmpty { trainer.specialTokens = special }
      let counter = WordCounter(bertCased: cased, threads: threads ?? Device.processorCount)
      try count(documents, counter)
      let progress = ProgressLine("merge", total: nil, unit: "merge")
      defer { progress.finish() }
      return try trainer.train(counter) { progress.update($0.merges) }
    }

    private func count(_ documents: DocumentFeed, _ counter: WordCounter) throws {
      var waiting: [[UInt8]] = []
      var size = 0
      for document in documents {
        waiting.append(document)
        size += document.count
        // Enough that the threads have something to share, little enough to hold.
        if size > 16 << 20 {
          counter.add(waiting)
          waiting.removeAll()
          size = 0
        }
      }
      counter.add(waiting)
      try documents.check()
    }

    private func trainSentencePiece(_ documents: DocumentFeed) throws -> [UInt8] {
      var trainer = SentencePieceTrainer(vocabularySize: vocabulary)
      trainer.threads = threads ?? Device.processorCount
      return try trainer.train(documents)
    }
  }

  struct Encode: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "encode",
      abstract: "Print the ids of a text.",
      discussion: """
        echo "Hello world" | needletail tokenizer encode --tokenizer tokenizer
        """)

    @Option(help: "The tokenizer's file or directory.", completion: .file())
    var tokenizer: String

    @Option(help: "The text; by default standard input.")
    var text: String?

    @Flag(help: "Take each line for a text of its own, and print a line of ids for each.")
    var lines = false

    func run() throws {
      let tokenizer = try TokenizerDirectory(tokenizer).tokenizer
      let bytes = text.map { Array($0.utf8) } ?? StandardInput.readAll()
      guard lines else { return Self.print(tokenizer.encode(parallel: bytes)) }
      var texts = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
      if texts.last?.isEmpty == true { texts.removeLast() }
      for ids in tokenizer.encode(documents: texts) { Self.print(ids) }
    }

    private static func print(_ ids: [Int32]) {
      StandardOutput.write(Array(ids.map(String.init).joined(separator: " ").utf8) + [0x0A])
    }
  }

  struct Decode: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "decode",
      abstract: "Print the text of ids.",
      discussion: """
        needletail tokenizer decode --tokenizer tokenizer 15496 995
        """)

    @Option(help: "The tokenizer's file or directory.", completion: .file())
    var tokenizer: String

    @Argument(help: "The ids; by default standard input, apart by spaces.")
    var ids: [Int32] = []

    func run() throws {
      let tokenizer = try TokenizerDirectory(tokenizer).tokenizer
      var ids = ids
      if ids.isEmpty {
        for word in String(decoding: StandardInput.readAll(), as: UTF8.self).split(
          whereSeparator: \.isWhitespace)
        {
          guard let id = Int32(word) else { throw ValidationError("expected ids, got \"\(word)\"") }
          ids.append(id)
        }
      }
      if let bad = ids.first(where: { tokenizer.token($0) == nil }) {
        throw ValidationError("\(bad) is no id of this tokenizer, which has \(tokenizer.vocabularySize)")
      }
      StandardOutput.write(tokenizer.decode(ids))
    }
  }
}
