/// When which action of a simulated pipeline has ended, and what each waits for.
struct Completions {
  private let stages: Int
  private let runs: Int
  private let microbatches: Int
  /// Ends of the passes of each direction, [runs of layers, microbatches]; nil while to come.
  private var forward: [Double?]
  private var backward: [Double?]

  init(_ actions: [[Action]]) {
    stages = actions.count
    runs = stages * (actions.reduce(-1) { $1.reduce($0) { max($0, $1.chunk) } } + 1)
    microbatches = actions.reduce(-1) { $1.reduce($0) { max($0, $1.microbatch) } } + 1
    forward = Array(repeating: nil, count: runs * microbatches)
    backward = forward
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

  func end(of need: (stage: Int, action: Action)) -> Double? {
    let index = index(need.action, need.stage)
    return switch need.action {
    case .forward: forward[index]
    case .backward: backward[index]
    case .weights: nil
    }
  }

  mutating func record(_ action: Action, stage: Int, end: Double) {
    switch action {
    case .forward: forward[index(action, stage)] = end
    case .backward: backward[index(action, stage)] = end
    case .weights: break
    }
  }

  private func index(_ action: Action, _ stage: Int) -> Int {
    (action.chunk * stages + stage) * microbatches + action.microbatch
  }
}
