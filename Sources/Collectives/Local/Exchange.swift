import Tensors

/// One collective of a local group: what each member has shown, and how much of the work is done.
final class Exchange {
  private let kind: Request.Kind
  private let element: DType
  private var inputs: [UnsafeRawPointer?]
  private var outputs: [UnsafeMutableRawPointer?]
  private var joined = 0
  private var left = 0
  /// Elements of the whole, elements of a piece of work, pieces taken and done.
  private let count: Int
  private let pieces: Int
  private var taken = 0
  private var done = 0

  /// Elements of a piece: some hundreds of microseconds of memory.
  private static let pieceCount = 1 << 18

  init(_ request: Request, members: Int) {
    kind = request.kind
    element = request.element
    inputs = [UnsafeRawPointer?](repeating: nil, count: members)
    outputs = [UnsafeMutableRawPointer?](repeating: nil, count: members)
    let bytes =
      switch request.kind {
      case .allReduce, .broadcast: request.output.count
      case .allGather: request.output.count
      default: request.input.count
      }
    count = bytes / request.element.size
    pieces = (count + Self.pieceCount - 1) / Self.pieceCount
  }

  var isComplete: Bool { joined == inputs.count }
  var isDone: Bool { isComplete && done == pieces }
  var missing: [Int] { outputs.indices.filter { outputs[$0] == nil && inputs[$0] == nil } }

  func join(_ request: Request, rank: Int) {
    precondition(
      request.kind == kind && request.element == element,
      "ranks of one group ask for different things: \(request.kind) and \(kind)")
    inputs[rank] = request.input.baseAddress
    outputs[rank] = request.output.baseAddress
    joined += 1
  }

  /// Whether everybody has left now.
  func leave() -> Bool {
    left += 1
    return left == inputs.count
  }

  /// Takes pieces until none is left.
  func work(device: Device, _ monitor: Monitor) {
    while true {
      let piece: Int? = monitor.withLock {
        guard taken < pieces else { return nil }
        taken += 1
        return taken - 1
      }
      guard let piece else { return }
      run(piece * Self.pieceCount..<min(count, (piece + 1) * Self.pieceCount), on: device)
      monitor.withLock {
        done += 1
        if done == pieces { monitor.wakeAll() }
      }
    }
  }

  /// The elements `range` of the whole, for every member.
  private func run(_ range: Range<Int>, on device: Device) {
    let sources = inputs.compactMap(\.self), targets = outputs.compactMap(\.self)
    switch kind {
    case .allReduce(let reduction):
      device.reduce(
        reduction, inputs: targets.map { UnsafeRawPointer($0) }, outputs: targets, element: element,
        range: range)
    case .reduceScatter:
      let part = count / sources.count
      for (rank, target) in targets.enumerated() {
        let mine = range.clamped(to: rank * part..<(rank + 1) * part)
        guard !mine.isEmpty else { continue }
        // The output has the elements of its part alone: begin where the whole would.
        device.reduce(
          .sum, inputs: sources, outputs: [target - rank * part * DType.f32.size], element: element,
          range: mine)
      }
    case .allGather:
      let part = count / sources.count
      for (rank, source) in sources.enumerated() {
        let theirs = range.clamped(to: rank * part..<(rank + 1) * part)
        for target in targets {
          copy(source, theirs.lowerBound - rank * part, to: target, theirs.lowerBound, count: theirs.count)
        }
      }
    case .broadcast(let root):
      for (rank, target) in targets.enumerated() where rank != root {
        copy(targets[root], range.lowerBound, to: target, range.lowerBound, count: range.count)
      }
    case .allToAll:
      let part = count / sources.count
      for (from, source) in sources.enumerated() {
        for (to, target) in targets.enumerated() {
          let mine = range.clamped(to: to * part..<(to + 1) * part)
          copy(
            source, mine.lowerBound, to: target, from * part + mine.lowerBound - to * part, count: mine.count)
        }
      }
    case .send, .receive: preconditionFailure("a message is not a collective")
    }
  }

  private func copy(
    _ source: UnsafeRawPointer, _ first: Int, to target: UnsafeMutableRawPointer, _ place: Int, count: Int
  ) {
    let from = source + first * element.size, to = target + place * element.size
    guard count > 0, from != UnsafeRawPointer(to) else { return }
    to.copyMemory(from: from, byteCount: count * element.size)
  }
}
