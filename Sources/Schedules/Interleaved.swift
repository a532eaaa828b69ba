extension Schedule {
  /// 1F1B over the passes of several model chunks (PTD-P §2.2.2, as Megatron-LM orders them): a group of
  /// microbatches goes through chunk 0, then through chunk 1, …, and back from the last chunk to the first.
  func interleaved(_ stage: Int) -> [Action] {
    let passes = groups.flatMap { group in
      (0..<chunks).flatMap { chunk in group.map { (microbatch: $0, chunk: chunk) } }
    }
    return Self.inTurn(
      forward: passes.map { .forward(microbatch: $0.microbatch, chunk: $0.chunk) },
      backward: passes.map { .backward(microbatch: $0.microbatch, chunk: chunks - 1 - $0.chunk) },
      warmUp: warmUp(stage))
  }

  /// The microbatches in runs of `stages`: a chunk's first microbatch is back from its lap around the stages
  /// when its last one has left. Where they do not divide, runs as even as can be and none shorter, the
  /// longest first: a shorter one would leave a hole in every lap (Megatron-LM refuses it), longer ones cost
  /// a few live activations.
  var groups: [Range<Int>] {
    let count = max(microbatches / stages, 1)
    let (length, longer) = microbatches.quotientAndRemainder(dividingBy: count)
    return (0..<count).map { index in
      let start = index * length + min(index, longer)
      return start..<start + length + (index < longer ? 1 : 0)
    }
  }
}
