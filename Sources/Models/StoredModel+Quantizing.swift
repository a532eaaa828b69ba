import Checkpoints
import Files
import Layers
import Tensors
import Topology

extension StoredModel {
  /// Writes the model as one of ours, the matrices that products read as fp8 or int8 codes beside their scales, into a
  /// new directory that appears when it is complete; gives the bytes of the weights.
  ///
  /// - Parameter progress: is given the parameters written, and of how many.
  package func write(
    quantized format: WeightFormat, to path: String, on device: Device,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws -> Int {
    let folder = try AtomicFolder(path)
    let names = weights.parameters.keys.sorted()
    var entries: [SafetensorsWriter.Entry] = []
    for name in names {
      let shape = try weights.parameter(name).shape
      guard Self.isQuantized(name, shape) else {
        entries.append(.init(name, .f32, shape: shape))
        continue
      }
      entries.append(.init(name, format == .fp8 ? .f8e4m3 : .i8, shape: shape))
      entries.append(
        .init(
          name + QuantizedTensors.scaleSuffix, .f32, shape: [shape[0], format.scales(columns: shape[1])]))
    }
    let writer = try SafetensorsWriter("\(folder.partial)/\(SafetensorsSet.fileName)", entries)
    for (index, entry) in writer.entries.enumerated() {
      if entry.name.hasSuffix(QuantizedTensors.scaleSuffix) {
        let name = String(entry.name.dropLast(QuantizedTensors.scaleSuffix.count))
        try writer.append(try values(of: name, on: device).quantized(as: format).scales, as: .f32)
      } else if entry.type == .f32 {
        try writer.append(try values(of: entry.name, on: device), as: .f32)
      } else {
        let codes = try values(of: entry.name, on: device).quantized(as: format).codes
        try writer.append(UnsafeRawBufferPointer(codes.bytes))
      }
      progress(index + 1, writer.entries.count)
    }
    let written = try writer.commit()
    try ModelDirectory.write(config, to: folder.partial)
    try companions.write(to: folder.partial, special: companions.special ?? SpecialIDs())
    try folder.commit()
    return written.byteCount
  }

  /// Matrices, but for tables that rows are only taken from.
  private static func isQuantized(_ name: String, _ shape: [Int]) -> Bool {
    shape.count == 2 && !["embedding.positions.", "embedding.segments."].contains { name.hasPrefix($0) }
  }

  private func values(of name: String, on device: Device) throws -> Tensor {
    let shape = try weights.parameter(name).shape
    let values = Tensor(uninitialized: Shape(shape), on: device)
    try weights.read(
      name, Block(rows: 0..<shape[0], columns: 0..<(shape.dropFirst().first ?? 1)), of: shape, into: values)
    return values
  }
}
