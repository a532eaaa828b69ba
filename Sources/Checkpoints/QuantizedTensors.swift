import Tensors

/// Tensors of which some are kept as FP8 (E4M3) or int8 codes, seen as the floats that the codes stand for.
///
/// Beside the codes of `x` stand their scales as `x_scale`, F32 [rows, scales of a row]: one for E4M3 (what vLLM and
/// compressed-tensors call per-channel), one for each `WeightFormat.groupColumns` columns for int8.
package struct QuantizedTensors: TensorSource {
  package let path: String
  package let tensors: [String: TensorForm]
  /// Of those that are quantized.
  package let format: WeightFormat
  private let source: SafetensorsSet
  private let scales: [String: [Float]]

  package static let scaleSuffix = "_scale"

  /// Nil where nothing is quantized. Throws where scales are missing or misshapen, or formats mixed.
  package init?(_ source: SafetensorsSet) throws(CheckpointFailure) {
    let quantized = source.tensors.filter { Self.format($0.value.type) != nil && $0.value.shape.count == 2 }
    guard let first = quantized.values.first, let format = Self.format(first.type) else { return nil }
    if let other = quantized.first(where: { $0.value.type != first.type }) {
      throw CheckpointFailure(
        source.path,
        "has \(other.key.quotedBriefly) as \(other.value.type.rawValue) beside \(first.type.rawValue), "
          + "expected one format of all quantized tensors")
    }
    var scales: [String: [Float]] = [:]
    var tensors = source.tensors
    for (name, form) in quantized.sorted(by: { $0.key < $1.key }) {
      let scaleName = name + Self.scaleSuffix
      let expected = TensorForm(.f32, [form.shape[0], format.scales(columns: form.shape[1])])
      guard tensors.removeValue(forKey: scaleName) == expected else {
        throw CheckpointFailure(
          source.path,
          "has \(source.tensors[scaleName].map { "\(scaleName.quotedBriefly) as \($0)" } ?? "no \(scaleName.quotedBriefly)"), "
            + "expected \(expected) beside \(form.type.rawValue) \(name.quotedBriefly)")
      }
      var values = [Float](repeating: 0, count: expected.count)
      var failure: CheckpointFailure?
      values.withUnsafeMutableBytes { bytes in
        do throws(CheckpointFailure) { try source.read(scaleName, 0..<expected.count, into: bytes) } catch {
          failure = error
        }
      }
      if let failure { throw failure }
      if let bad = values.first(where: { !($0.isFinite && $0 >= 0) }) {
        throw CheckpointFailure(
          source.path, "has the scale \(bad) in \(scaleName.quotedBriefly), expected numbers from 0 on")
      }
      scales[name] = values
      tensors[name] = TensorForm(.f32, form.shape)
    }
    path = source.path
    self.source = source
    self.tensors = tensors
    self.format = format
    self.scales = scales
  }

  private static func format(_ type: StoredType) -> WeightFormat? {
    switch type {
    case .f8e4m3: .fp8
    case .i8: .int8
    default: nil
    }
  }

  package func read(
    _ name: String, _ range: Range<Int>, into target: UnsafeMutableRawBufferPointer
  ) throws(CheckpointFailure) {
    guard let scales = scales[name], let form = tensors[name] else {
      return try source.read(name, range, into: target)
    }
    var codes = [UInt8](repeating: 0, count: range.count)
    var failure: CheckpointFailure?
    codes.withUnsafeMutableBytes { bytes in
      do throws(CheckpointFailure) { try source.read(name, range, into: bytes) } catch { failure = error }
    }
    if let failure { throw failure }
    codes.withUnsafeBytes {
      format.dequantize($0, range, columns: form.shape[1], scales: scales, into: target)
    }
  }

  package func release(_ name: String) { source.release(name) }
}
