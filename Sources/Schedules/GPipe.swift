extension Schedule {
  /// All forward passes, then all backward passes, the same on every stage (Huang et al. 2019).
  ///
  /// Backward passes go through the microbatches in order, where the paper goes back from the last: the
  /// bubble is the same. Several chunks go breadth-first, chunk by chunk (Lamy-Poirier 2023).
  func gpipe() -> [Action] {
    let forward = (0..<chunks).flatMap { chunk in
      (0..<microbatches).map { Action.forward(microbatch: $0, chunk: chunk) }
    }
    let backward = (0..<chunks).reversed().flatMap { chunk in
      (0..<microbatches).map { Action.backward(microbatch: $0, chunk: chunk) }
    }
    return forward + backward
  }
}
