import Layers
import Models
import Tensors

/// Continues a text: the prompt once through the model, then a token at a time against cached keys and values.
package final class Generator {
  private let model: Transformer
  private let options: SamplingOptions
  private var cache: KeyValueCache
  /// What the model has seen and written.
  private var ids: [Int32] = []

  package init(_ model: Transformer, _ options: SamplingOptions) {
    self.model = model
    self.options = options
    let config = model.config
    cache = KeyValueCache(
      layers: config.layers, sequences: 1, capacity: config.context,
      keyValueWidth: config.keyValueHeadCount * config.headSize, on: model.device)
  }

  /// Appends up to `count` tokens to `prompt`, handing each to `emit`, until that returns false.
  ///
  /// When the context is full, its older half is forgotten and the rest read again. `prompt` is not empty.
  package func generate(_ prompt: [Int32], count: Int, emit: (Int32) throws -> Bool) rethrows {
    precondition(!prompt.isEmpty, "a prompt has at least one token")
    ids = prompt
    cache.truncate(to: 0)
    var sampler = Sampler(options, choice: 0, prompt: prompt, alternatives: nil)
    var unread = Array(prompt.suffix(max(1, cache.capacity - 1)))
    for _ in 0..<count {
      if cache.length + unread.count > cache.capacity {
        cache.truncate(to: 0)
        unread = Array(ids.suffix(max(1, cache.capacity / 2)))
      }
      let id = sampler.next(logits(after: unread)).id
      ids.append(id)
      unread = [id]
      guard try emit(id) else { return }
    }
  }

  /// Logits of the token that follows.
  private func logits(after new: [Int32]) -> Tensor {
    let microbatch = Microbatch(new, sequences: 1, from: cache.length, cache: cache, on: model.device)
    let hidden = model.hidden(microbatch)
    return model.logits(ofHidden: hidden.rows(new.count - 1..<new.count), microbatch)
  }
}
