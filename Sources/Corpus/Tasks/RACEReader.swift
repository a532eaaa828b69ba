import FoundationEssentials

/// Reads RACE: folders of `*.txt`, an article with its questions on each line, in JSON.
///
/// Source: Lai et al. 2017; Megatron-LM `tasks/race/data.py`. Files are read in the order of their names.
enum RACEReader {
  private struct Article: Decodable {
    let article: String
    let questions: [String]
    let options: [[String]]
    let answers: [String]
  }

  static func read(_ paths: [String]) throws -> TaskQuestions {
    var result = TaskQuestions()
    for file in try paths.flatMap(files) {
      var lines = try TaskLines(file)
      while let line = try lines.next() {
        if line.stripped.isEmpty { continue }
        result.questions += try questions(of: line, place: lines.place)
      }
    }
    return result
  }

  /// The files of a folder; a file is itself.
  private static func files(in path: String) throws -> [String] {
    var isDirectory = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw CorpusFailure(path, "no such folder, expected one of RACE's, such as RACE/train/middle")
    }
    guard isDirectory else { return [path] }
    let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".txt") }
    guard !names.isEmpty else {
      throw CorpusFailure(path, "holds no *.txt; name RACE's own folders, such as RACE/train/middle")
    }
    return names.sorted().map { "\(path)/\($0)" }
  }

  private static func questions(of line: [UInt8], place: String) throws(CorpusFailure) -> [TaskQuestion] {
    let article: Article
    do { article = try JSONDecoder().decode(Article.self, from: Data(line)) } catch {
      throw CorpusFailure(
        place, "expected a JSON object with article, questions, options and answers, as RACE has them")
    }
    let (count, options, answers) = (article.questions.count, article.options.count, article.answers.count)
    guard count == options, count == answers else {
      throw CorpusFailure(
        place, "\(count) questions have \(options) lists of options and \(answers) answers, expected as many")
    }
    let second = Array(article.article.utf8).cleaned
    var questions: [TaskQuestion] = []
    for (question, (options, answer)) in zip(article.questions, zip(article.options, article.answers)) {
      guard options.count == TaskKind.race.choices else {
        throw CorpusFailure(
          place, "a question has \(options.count) options, expected \(TaskKind.race.choices)")
      }
      guard let label = ["A", "B", "C", "D"].firstIndex(of: answer) else {
        throw CorpusFailure(place, "an answer is '\(answer)', expected A, B, C or D")
      }
      let first = options.map { option in
        Array(
          (question.contains("_") ? question.replacing("_", with: option) : "\(question) \(option)").utf8
        ).cleaned
      }
      questions.append(TaskQuestion(first: first, second: second, label: Int32(label)))
    }
    return questions
  }
}
