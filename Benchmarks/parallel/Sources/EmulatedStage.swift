import Collectives
import Schedules
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A pipeline stage that executes its schedule's actions with real messages, but sleeps where it would compute: more
/// stages than processors then take as long as if each had one.
final class EmulatedStage {
  /// What a stage saw of a step.
  struct Step: Sendable {
    let start: ContinuousClock.Instant
    let end: ContinuousClock.Instant
    /// In passes, as long as they came out.
    let working: Duration
    /// The most passes through a chunk whose activations, or inputs of weight gradients, were held at a time.
    let peak: Int
  }

  private let schedule: Schedule
  private let times: PassTimes
  private let pipeline: Group
  private let device = Device(threads: 1)
  /// What a forward pass keeps for its way back, by microbatch and chunk.
  private var saved: [Tensor?]
  /// The same of a backward pass for its `weights`.
  private var held: [Tensor?]

  /// - Parameter times: in seconds, of a whole stage.
  init(_ schedule: Schedule, _ times: PassTimes, _ rank: Rank) {
    self.schedule = schedule
    self.times = times
    pipeline = rank.pipeline
    saved = [Tensor?](repeating: nil, count: schedule.microbatches * schedule.chunks)
    held = saved
  }

  func step() -> Step {
    let actions = schedule.actions(stage: pipeline.rank)
    var peak = 0
    var working = Duration.zero
    pipeline.barrier(on: device)
    let start = ContinuousClock.now
    for action in actions {
      working += execute(action)
      peak = max(peak, (saved + held).count { $0 != nil })
    }
    return Step(start: start, end: .now, working: working, peak: peak)
  }

  /// Returns how long the pass took, without waiting for its input.
  private func execute(_ action: Action) -> Duration {
    let (microbatch, chunk) = (action.microbatch, action.chunk)
    let slot = microbatch * schedule.chunks + chunk
    let seconds = schedule.duration(of: action, times)
    switch action {
    case .forward:
      let input = receive(1, microbatch, chunk)
      let took = sleep(seconds)
      saved[slot] = input
      send(1, microbatch, chunk)
      return took
    case .backward:
      let gradient = receive(-1, microbatch, chunk)
      let took = sleep(seconds)
      precondition(saved[slot].take() != nil, "\(action) comes before its forward")
      if schedule.splitsBackward { held[slot] = gradient }
      send(-1, microbatch, chunk)
      return took
    case .weights:
      let took = sleep(seconds)
      precondition(held[slot].take() != nil, "\(action) comes before its backward")
      return took
    }
  }

  private func sleep(_ seconds: Double) -> Duration {
    let start = ContinuousClock.now
    let whole = seconds.rounded(.down)
    var time = timespec(tv_sec: Int(whole), tv_nsec: Int((seconds - whole) * 1e9))
    precondition(nanosleep(&time, nil) == 0, "a sleep of \(seconds) s was interrupted")
    return ContinuousClock.now - start
  }

  // MARK: Messages, addressed as Training's StageBoundary addresses them

  /// The model's run of layers that is chunk `chunk` of this stage.
  private func run(_ chunk: Int) -> Int { chunk * pipeline.count + pipeline.rank }

  /// - Parameter direction: 1 forward, −1 backward.
  private func send(_ direction: Int, _ microbatch: Int, _ chunk: Int) {
    let next = run(chunk) + direction
    guard (0..<pipeline.count * schedule.chunks).contains(next) else { return }
    let x = Tensor(uninitialized: Self.message, on: device)
    x.fill(Float(tag(direction, microbatch, chunk)))
    _ = pipeline.startSend(
      x, to: next % pipeline.count, tag: tag(direction, microbatch, next / pipeline.count))
  }

  /// At the model's ends, where nothing comes from a neighbour: a tensor of its own.
  private func receive(_ direction: Int, _ microbatch: Int, _ chunk: Int) -> Tensor {
    let x = Tensor(uninitialized: Self.message, on: device)
    let before = run(chunk) - direction
    guard (0..<pipeline.count * schedule.chunks).contains(before) else { return x }
    pipeline.receive(x, from: before % pipeline.count, tag: tag(direction, microbatch, chunk))
    let sent = Float(tag(direction, microbatch, before / pipeline.count))
    precondition(x.floats.allSatisfy { $0 == sent }, "not what microbatch \(microbatch) was sent as")
    return x
  }

  private func tag(_ direction: Int, _ microbatch: Int, _ chunk: Int) -> Int {
    (microbatch * schedule.chunks + chunk) * 2 + (direction > 0 ? 0 : 1)
  }

  /// 4 KiB.
  private static let message = Shape(16, 64)
}
