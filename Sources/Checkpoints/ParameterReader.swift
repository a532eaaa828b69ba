import Tensors
import Topology

/// Reads a model's parameters from wherever a layout says that they lie: whole, by blocks, into memory, or into the
/// tensors of another layout. No more than some MiB are held at a time.
package struct ParameterReader {
  /// Rows of a parameter in a stored tensor.
  struct Place {
    /// Of the parameter.
    let rows: Range<Int>
    let stored: String
    /// Where the first of them is among the tensor's.
    let first: Int
    /// Rows and columns of the tensor, as parameters see it.
    let whole: (rows: Int, columns: Int)
    let isTransposed: Bool
  }

  /// What is known of a parameter.
  package struct Parameter {
    package let type: StoredType
    package let shape: [Int]
    let places: [Place]
  }

  package let source: any TensorSource
  package let parameters: [String: Parameter]

  /// Bytes read at a time.
  static let bytesAtOnce = 8 << 20

  /// Throws, with what was found and expected, unless `source` holds every tensor of `layout` in its shape, as
  /// floating-point numbers, and no other.
  package init(_ source: any TensorSource, _ layout: TensorLayout) throws(CheckpointFailure) {
    self.source = source
    parameters = try LayoutCheck(source, layout).parameters()
  }

  /// The parameter `name`. Throws when there is none.
  package func parameter(_ name: String) throws(CheckpointFailure) -> Parameter {
    guard let parameter = parameters[name] else {
      throw CheckpointFailure(
        source.path, "has no parameter \(name.quotedBriefly) among its \(parameters.count)")
    }
    return parameter
  }

  /// Each parameter as a tensor of its own name: how we keep them.
  package var layout: TensorLayout {
    TensorLayout(
      parameters.sorted { $0.key < $1.key }.map { name, parameter in
        LaidOutTensor(
          name, [.init(name, rows: parameter.shape[0])], columns: parameter.shape.dropFirst().first)
      })
  }

  // MARK: Into memory

  /// Fills `target` with `block` of parameter `name`, which is of shape `shape` as the whole model sees it. Throws when
  /// it has another, or a type that does not convert.
  package func read(
    _ name: String, _ block: Block, of shape: [Int], into target: Tensor
  ) throws {
    let parameter = try parameter(name)
    guard parameter.shape == shape, block.count == target.count else {
      throw CheckpointFailure(
        source.path, "parameter \(name.quotedBriefly) has shape \(parameter.shape), expected \(shape)")
    }
    guard parameter.type.converts(to: target.dtype) else {
      throw CheckpointFailure(
        source.path,
        "parameter \(name.quotedBriefly) is stored as \(parameter.type.rawValue), which does not convert to "
          + "\(target.dtype)")
    }
    let width = block.columns.count
    let isPlain = parameter.type == StoredType(target.dtype)
    for chunk in block.chunks(of: parameter.type) {
      let first = (chunk.rows.lowerBound - block.rows.lowerBound) * width
      let rows = target.elements(first..<first + chunk.count, as: Shape(chunk.count))
      if isPlain {
        try read(parameter, chunk, into: rows.bytes)
      } else {
        let bytes = try bytes(of: parameter, chunk)
        bytes.withUnsafeBytes { SafetensorsFile.copy($0, parameter.type, into: rows) }
      }
    }
    release(parameter)
  }

  // MARK: Elements

  /// `block` of a parameter, row-major and as it is stored.
  func bytes(of parameter: Parameter, _ block: Block) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: block.count * parameter.type.size)
    try bytes.withUnsafeMutableBytes { target in
      try read(parameter, block, into: target)
    }
    return bytes
  }

  /// Says that all of a parameter that is wanted has been read.
  func release(_ parameter: Parameter) { for place in parameter.places { source.release(place.stored) } }

  private func read(
    _ parameter: Parameter, _ block: Block, into target: UnsafeMutableRawBufferPointer
  ) throws {
    let rowBytes = block.columns.count * parameter.type.size
    for place in parameter.places {
      let rows = place.rows.clamped(to: block.rows)
      guard !rows.isEmpty else { continue }
      let start = (rows.lowerBound - block.rows.lowerBound) * rowBytes
      let own = UnsafeMutableRawBufferPointer(rebasing: target[start..<start + rows.count * rowBytes])
      let first = place.first + rows.lowerBound - place.rows.lowerBound
      try read(
        place, Block(rows: first..<first + rows.count, columns: block.columns), parameter.type.size, into: own
      )
    }
  }

  /// Reads `block` of the rows of a stored tensor.
  private func read(
    _ place: Place, _ block: Block, _ size: Int, into target: UnsafeMutableRawBufferPointer
  ) throws {
    let (rows, columns) = place.whole
    if place.isTransposed {
      var turned = [UInt8](repeating: 0, count: block.count * size)
      try turned.withUnsafeMutableBytes { turned in
        let runBytes = block.rows.count * size
        for (index, column) in block.columns.enumerated() {
          let first = column * rows + block.rows.lowerBound
          try source.read(
            place.stored, first..<first + block.rows.count,
            into: UnsafeMutableRawBufferPointer(rebasing: turned[index * runBytes..<(index + 1) * runBytes]))
        }
        Transposition(rows: block.columns.count, columns: block.rows.count, elementSize: size)
          .copy(UnsafeRawBufferPointer(turned), into: target)
      }
    } else if block.columns.count == columns {
      try source.read(
        place.stored, block.rows.lowerBound * columns..<block.rows.upperBound * columns, into: target)
    } else {
      let runBytes = block.columns.count * size
      for (index, row) in block.rows.enumerated() {
        let first = row * columns + block.columns.lowerBound
        try source.read(
          place.stored, first..<first + block.columns.count,
          into: UnsafeMutableRawBufferPointer(rebasing: target[index * runBytes..<(index + 1) * runBytes]))
      }
    }
  }
}
