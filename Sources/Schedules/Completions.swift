/// When which action of a simulated pipeline has ended, when what it sends has arrived, and what each waits for.
struct Completions {
  private let stages: Int
  private let runs: Int
  private let microbatches: Int
  /// Ends of the passes of each direction, [runs of layers, microbatches]; nil while to come.
  private var forward: [Double?]
  private var backward: [Double?]
  /// When what a pass sends is there, laid out alike.
  private var forwardArrivals: [Double]
  private var backwardArrivals: [Double]
  /// From when on the link to the next stage, and to the one before, is free.
  private var linksOn: [Double]
  private var linksBack: [Double]

  init(_ actions: [[Action]]) {
    stages = actions.count
    runs = stages * (actions.reduce(-1) { $1.reduce($0) { max($0, $1.chunk) } } + 1)
    microbatches = actions.reduce(-1) { $1.reduce($0) { max($0, $1.microbatch) } } + 1
    forward = Array(repeating: nil, count: runs * microbatches)
    backward = forward
    forwardArrivals = Array(repeating: 0, count: runs * microbatches)
    backwardArrivals = forwardArrivals
    linksOn = Array(repeating: 0, count: stages)
    linksBack = linksOn
  }

  /// The action that must have ended before `action` of `stage`; nil where there is none.
  func need(of action: Action, stage: Int) -> (stage: Int, action: Action)? {
    let run = action.chunk * stages + stage
    func at(_ run: Int, _ pass: (Int, Int) -> Action) -> (stage: Int, action: Action) {
      (run % stages, pass(action.microbatch, run / stages))
    }
    return switch action {
    case .forward: run == 0 ? nil : at(run - 1, Action.forward)
    case .backward: run == runs - 1 ? at(run, Action.forward) : at(run + 1, Action.backward)
    case .weights: at(run, Action.backward)
    }
  }

  /// When `stage` has what it needs; nil while that is to come.
  func arrival(of need: (stage: Int, action: Action), at stage: Int) -> Double? {
    let index = index(need.action, need.stage)
    switch need.action {
    case .forward:
      guard let end = forward[index] else { return nil }
      return need.stage == stage ? end : forwardArrivals[index]
    case .backward:
      guard let end = backward[index] else { return nil }
      return need.stage == stage ? end : backwardArrivals[index]
    case .weights: return nil
    }
  }

  /// - Parameter transfer: from a stage to its neighbour; a link carries one message after another.
  mutating func record(
    _ action: Action, stage: Int, end: Double, transfer: (_ from: Int, _ to: Int) -> Double
  ) {
    let index = index(action, stage)
    switch action {
    case .forward:
      forward[index] = end
      guard stages > 1 else { return }
      linksOn[stage] = max(linksOn[stage], end) + transfer(stage, (stage + 1) % stages)
      forwardArrivals[index] = linksOn[stage]
    case .backward:
      backward[index] = end
      guard stages > 1 else { return }
      linksBack[stage] = max(linksBack[stage], end) + transfer(stage, (stage + stages - 1) % stages)
      backwardArrivals[index] = linksBack[stage]
    case .weights: break
    }
  }

  private func index(_ action: Action, _ stage: Int) -> Int {
    (action.chunk * stages + stage) * microbatches + action.microbatch
  }
}
