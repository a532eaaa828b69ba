/// A direction in which the work of a model is divided among ranks.
package enum MeshAxis: String, Codable, CaseIterable, Sendable {
  /// Each matrix product is divided; sequence parallelism rides on it.
  case tensor
  /// Each rank holds some of the layers.
  case pipeline
  /// Each rank holds the whole (or a tensor and pipeline part of it) and reads other samples.
  case data
}
