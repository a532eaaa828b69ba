/// Which windows are computed together: of like length, so that little is padding, and no more than a budget of tokens.
///
/// The longest come first: what runs out of memory does so at once, and what is left is never slower than it looks.
struct ScoringPlan {
  /// Places in the list of windows.
  let batches: [[Int]]
  /// Inputs, padding not counted, of each batch and those before it.
  let tokens: [Int]

  /// - Parameter budget: inputs of a batch, padding counted; a longer window is a batch of its own.
  init(_ windows: [Window], budget: Int) {
    let order = windows.indices.filter { windows[$0].scored > 0 }
      .sorted { (windows[$0].tokens.count, $1) > (windows[$1].tokens.count, $0) }
    var batches: [[Int]] = []
    for index in order {
      if let longest = batches.last?.first,
        (batches[batches.count - 1].count + 1) * windows[longest].inputCount <= budget
      {
        batches[batches.count - 1].append(index)
      } else {
        batches.append([index])
      }
    }
    self.batches = batches
    var sum = 0
    tokens = batches.map { batch in
      sum += batch.reduce(0) { $0 + windows[$1].inputCount }
      return sum
    }
  }
}
