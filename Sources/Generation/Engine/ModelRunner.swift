import Collectives
import Layers
import Models
import Tensors

/// Runs step plans on a model that a mesh of ranks holds: tensor ranks divide its matrices, pipeline stages its layers.
///
/// One rank leads: it plans, tells the others, and gets what the last stage computes. The others follow.
package final class ModelRunner {
  private let model: Transformer
  private let rank: Rank
  private let pages: KeyValuePages
  private var lastTold = ContinuousClock.now

  /// Rows whose logits exist at a time.
  static let rowsAtOnce = 64

  /// - Parameters:
  ///   - model: this rank's part of a decoder.
  ///   - pageCount: pages of the key-value cache, the same on every rank.
  package init(_ model: Transformer, rank: Rank = .single, pageCount: Int) {
    precondition(model.chunks.count == 1 && model.config.kind == .decoder)
    self.model = model
    self.rank = rank
    // Steps have any number of tokens: buffers of all their sizes would pile up.
    model.device.sharesSizes = true
    pages = KeyValuePages(
      count: pageCount, layers: model.part.chunks[0],
      keyValueHeads: max(1, model.config.keyValueHeadCount / rank.tensor.count),
      headWidth: model.config.headSize, on: model.device)
  }

  /// Pages that fit into `bytes` on the rank that needs the most memory for one; at least enough for one text as long
  /// as the context.
  package static func pageCount(
    _ config: Transformer.Config, bytes: Int, tensor: Int, pipeline: Int, on device: Device
  ) -> Int {
    let layers = (config.layers + pipeline - 1) / pipeline
    let page = KeyValuePages.byteCount(
      layers: layers, keyValueHeads: max(1, config.keyValueHeadCount / tensor), headWidth: config.headSize,
      on: device)
    let longest = (config.context + device.pageTokens - 1) / device.pageTokens
    return max(longest + 1, bytes / page)
  }

  package var device: Device { model.device }
  var config: Transformer.Config { model.config }
  var pageCount: Int { pages.count }
  /// Tokens whose keys and values there is room for.
  package var cacheTokens: Int { pages.count * device.pageTokens }
  var hasFollowers: Bool { rank.tensor.count * rank.pipeline.count > 1 }

  /// Leads a step. Gives the logits [rows, vocabulary] of the plan's `logitRows`, and what the last norm makes
  /// [rows, width] of its `hiddenRows`, some rows at a time, in order; the tensors are the receiver's.
  func run(_ plan: StepPlan, logits: (Tensor) -> Void, hidden: (Tensor) -> Void = { _ in }) {
    tell(plan.encoded)
    let last = compute(plan)
    for (wanted, isHidden) in [(plan.logitRows, false), (plan.hiddenRows, true)] {
      for first in stride(from: 0, to: wanted.count, by: Self.rowsAtOnce) {
        let rows = first..<min(first + Self.rowsAtOnce, wanted.count)
        let tensor =
          last.flatMap { finish($0, Array(wanted[rows]), isHidden) } ?? received(rows.count, isHidden)
        isHidden ? hidden(tensor) : logits(tensor)
      }
    }
  }

  /// Tells followers that there is nothing to do yet, so that none of them takes the leader for lost.
  func keepAlive() {
    if ContinuousClock.now - lastTold > .seconds(15) { tell([]) }
  }

  /// Ends the followers.
  func stop() { tell(nil) }

  /// Follows the leader until it stops.
  package func follow() {
    while let encoded = told() {
      guard !encoded.isEmpty else { continue }
      let plan = StepPlan(encoded: encoded)
      guard let last = compute(plan) else { continue }
      for (wanted, isHidden) in [(plan.logitRows, false), (plan.hiddenRows, true)] {
        for first in stride(from: 0, to: wanted.count, by: Self.rowsAtOnce) {
          let rows = Array(wanted[first..<min(first + Self.rowsAtOnce, wanted.count)])
          guard let tensor = finish(last, rows, isHidden), rank.pipeline.count > 1 else { continue }
          rank.pipeline.startSend(tensor, to: 0, tag: Self.resultTag).wait()
        }
      }
    }
  }

  // MARK: Computing

  private static let resultTag = 1

  /// The hidden state behind the last block, where this rank has it.
  private func compute(_ plan: StepPlan) -> Tensor? {
    for copy in plan.copies { pages.copy(Int(copy.source), to: Int(copy.target)) }
    let paged = PagedTokens(
      counts: plan.counts, lengths: plan.lengths, tables: plan.tables, in: pages, on: device)
    let microbatch = Microbatch(continuing: plan.ids, positions: plan.positions, paged, on: device)
    let boundary = StageBoundary(
      rank, model.part.axis, scatters: true, chunks: 1, tokens: microbatch.tokens, width: config.width,
      on: device)
    let isFirst = boundary.isEnd(.backward, chunk: 0)
    let hidden = model.hidden(
      chunk: 0, isFirst ? nil : boundary.receive(.forward, microbatch: 0, chunk: 0), microbatch)
    guard model.head == nil else { return hidden }
    boundary.send(hidden, .forward, microbatch: 0, chunk: 0).wait()
    return nil
  }

  /// Logits of rows of the last hidden state, or what the last norm makes of them, on tensor rank 0.
  private func finish(_ hidden: Tensor, _ rows: [Int32], _ isHidden: Bool) -> Tensor? {
    guard let head = model.head as? LanguageModelHead else { return nil }
    let picked = Tensor(uninitialized: Shape(rows.count, config.width), on: device)
    picked.setRows(of: hidden, at: Tensor(rows, Shape(rows.count), on: device))
    let microbatch = Microbatch([Int32](repeating: 0, count: rows.count), sequences: 1, on: device)
    let own = isHidden ? head.normed(picked, microbatch) : head.logits(picked, microbatch)
    guard !isHidden, rank.tensor.count > 1 else { return rank.tensor.rank == 0 ? own : nil }
    return whole(own)
  }

  /// All columns, of which each tensor rank has its share, on tensor rank 0.
  private func whole(_ own: Tensor) -> Tensor? {
    let ranks = rank.tensor.count, rows = own.rows, vocabulary = config.vocabulary
    let most = (vocabulary + ranks - 1) / ranks
    let part = Tensor(uninitialized: Shape(rows, most), on: device)
    part.columns(0..<own.columns).copyRows(from: own)
    let all = Tensor(uninitialized: Shape(ranks * rows, most), on: device)
    rank.tensor.allGather(part, into: all)
    guard rank.tensor.rank == 0 else { return nil }
    let whole = Tensor(uninitialized: Shape(rows, vocabulary), on: device)
    for other in 0..<ranks {
      let share = Range.part(other, of: ranks, count: vocabulary)
      whole.columns(share).copyRows(
        from: all.rows(other * rows..<(other + 1) * rows).columns(0..<share.count))
    }
    return whole
  }

  private func received(_ rows: Int, _ isHidden: Bool) -> Tensor {
    let columns = isHidden ? config.width : config.vocabulary
    let tensor = Tensor(uninitialized: Shape(rows, columns), on: device)
    rank.pipeline.receive(tensor, from: rank.pipeline.count - 1, tag: Self.resultTag)
    return tensor
  }

  // MARK: Telling

  /// Hands a plan to all ranks of the model: along the first stage's tensor group, then down every pipeline.
  private func tell(_ encoded: [Int32]?) {
    lastTold = .now
    guard hasFollowers else { return }
    let size: [Int32] = [encoded.map { Int32($0.count) } ?? -1]
    let count = Tensor(size, Shape(1), on: device)
    for group in [rank.tensor, rank.pipeline] { group.broadcast(count, from: 0) }
    guard let encoded, !encoded.isEmpty else { return }
    let body = Tensor(encoded, Shape(encoded.count), on: device)
    for group in [rank.tensor, rank.pipeline] { group.broadcast(body, from: 0) }
  }

  private func told() -> [Int32]? {
    func hear(_ x: Tensor) {
      if rank.place.pipeline == 0 { rank.tensor.broadcast(x, from: 0) }
      rank.pipeline.broadcast(x, from: 0)
    }
    let count = Tensor([Int32(0)], Shape(1), on: device)
    rank.status.note("waiting for a step", 0)
    hear(count)
    let size = Int(count.integers[0])
    guard size > 0 else { return size == 0 ? [] : nil }
    let body = Tensor([Int32](repeating: 0, count: size), Shape(size), on: device)
    hear(body)
    return body.integers
  }
}
