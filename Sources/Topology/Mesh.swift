/// The arrangement of ranks along three axes.
///
/// Ranks are numbered with the tensor axis innermost, then data, then pipeline, as Megatron-LM numbers them:
/// tensor groups, which talk most, are neighbours, and a machine's; pipeline neighbours, which talk least, are far
/// apart.
package struct Mesh: Codable, Sendable, Hashable {
  package let tensor: Int
  package let pipeline: Int
  package let data: Int

  package init(tensor: Int = 1, pipeline: Int = 1, data: Int = 1) {
    precondition(tensor > 0 && pipeline > 0 && data > 0, "a mesh of \(tensor) × \(pipeline) × \(data)")
    self.tensor = tensor
    self.pipeline = pipeline
    self.data = data
  }

  /// One rank.
  package static let single = Mesh()

  /// A rank's place along each axis.
  package struct Coordinate: Sendable, Hashable {
    package var tensor: Int
    package var pipeline: Int
    package var data: Int

    package init(tensor: Int = 0, pipeline: Int = 0, data: Int = 0) {
      self.tensor = tensor
      self.pipeline = pipeline
      self.data = data
    }

    package subscript(axis: MeshAxis) -> Int {
      get {
        switch axis {
        case .tensor: tensor
        case .pipeline: pipeline
        case .data: data
        }
      }
      set {
        switch axis {
        case .tensor: tensor = newValue
        case .pipeline: pipeline = newValue
        case .data: data = newValue
        }
      }
    }
  }

  package var rankCount: Int { tensor * pipeline * data }

  /// Ranks along `axis`.
  package subscript(axis: MeshAxis) -> Int {
    switch axis {
    case .tensor: tensor
    case .pipeline: pipeline
    case .data: data
    }
  }

  package func coordinate(of rank: Int) -> Coordinate {
    precondition((0..<rankCount).contains(rank), "rank \(rank) of \(rankCount)")
    return Coordinate(
      tensor: rank % tensor, pipeline: rank / (tensor * data), data: rank / tensor % data)
  }

  package func rank(at place: Coordinate) -> Int {
    (place.pipeline * data + place.data) * tensor + place.tensor
  }

  /// The ranks that differ from `rank` along `axis` alone, in order, itself among them.
  package func ranks(along axis: MeshAxis, through rank: Int) -> [Int] {
    var place = coordinate(of: rank)
    return (0..<self[axis]).map {
      place[axis] = $0
      return self.rank(at: place)
    }
  }
}

extension Mesh: CustomStringConvertible {
  /// "TP2 PP4 DP1": the field's short form.
  package var description: String { "TP\(tensor) PP\(pipeline) DP\(data)" }
}
