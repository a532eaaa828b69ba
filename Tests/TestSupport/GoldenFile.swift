import Checkpoints
import Tensors

/// A safetensors file of golden tensors beside a test.
package struct GoldenFile {
  package let file: SafetensorsFile

  /// `Fixtures/<name>.safetensors` in the folder of the calling test.
  package init(_ name: String, beside source: String = #filePath) throws {
    let folder = source.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    file = try SafetensorsFile((folder + ["Fixtures", "\(name).safetensors"]).joined(separator: "/"))
  }

  /// The names before the last dot of tensor names, where cases are named `<case>.<tensor>`.
  package var cases: [String] {
    Set(file.tensors.keys.compactMap { name in name.lastIndex(of: ".").map { String(name[..<$0]) } }).sorted()
  }

  /// Tensor `name`, as rows of its last dimension; a scalar is one row of one.
  package func tensor(_ name: String, on device: Device) throws -> Tensor {
    let sizes = try file.entry(name).shape
    let tensor = Tensor(uninitialized: Shape(sizes.isEmpty ? [1] : sizes), on: device)
    try file.read(name, into: tensor)
    return tensor
  }

  package func floats(_ name: String) throws -> [Float] { try tensor(name, on: Device(threads: 1)).floats }

  /// The only number of `name`.
  package func number(_ name: String) throws -> Float { try floats(name).first ?? .nan }

  package func sizes(_ name: String) throws -> [Int] { try file.entry(name).shape }

  package func integers(_ name: String) throws -> [Int32] { try file.integers(name).map(Int32.init) }
}

/// The largest difference over the largest magnitude expected, or over `floor`: gradients that vanish in exact
/// arithmetic are sums of terms of about 1 that cancel. NaN where either has one.
package func relativeError(_ got: [Float], _ expected: [Float], floor: Float = 1) -> Float {
  guard got.count == expected.count else { return .infinity }
  var largest: Float = floor
  var difference: Float = 0
  for (a, b) in zip(got, expected) {
    if a.isNaN || b.isNaN { return .nan }
    largest = max(largest, abs(b))
    difference = max(difference, abs(a - b))
  }
  return difference / largest
}
