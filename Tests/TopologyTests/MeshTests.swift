import Testing

@testable import Topology

@Suite struct MeshTests {
  static let meshes = [Mesh.single, Mesh(tensor: 2, pipeline: 3, data: 4), Mesh(tensor: 8), Mesh(data: 5)]

  @Test("coordinates and ranks are each other's inverse", arguments: meshes)
  func inverse(mesh: Mesh) {
    for rank in 0..<mesh.rankCount { #expect(mesh.rank(at: mesh.coordinate(of: rank)) == rank) }
  }

  @Test("tensor neighbours are adjacent, pipeline neighbours farthest apart")
  func order() {
    let mesh = Mesh(tensor: 2, pipeline: 3, data: 4)
    #expect(mesh.ranks(along: .tensor, through: 13) == [12, 13])
    #expect(mesh.ranks(along: .data, through: 13) == [9, 11, 13, 15])
    #expect(mesh.ranks(along: .pipeline, through: 13) == [5, 13, 21])
  }

  @Test("the groups of an axis cover every rank once", arguments: meshes, MeshAxis.allCases)
  func cover(mesh: Mesh, axis: MeshAxis) {
    let groups = Set((0..<mesh.rankCount).map { mesh.ranks(along: axis, through: $0) })
    #expect(groups.flatMap { $0 }.sorted() == Array(0..<mesh.rankCount))
  }

  @Test("parts follow each other, cover the whole and differ by one at most")
  func parts() {
    for (count, parts) in [(10, 3), (7, 7), (2, 4), (50257, 8)] {
      let ranges = (0..<parts).map { Range.part($0, of: parts, count: count) }
      #expect(ranges.first?.lowerBound == 0 && ranges.last?.upperBound == count)
      #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
      #expect((ranges.map(\.count).max() ?? 0) - (ranges.map(\.count).min() ?? 0) <= 1)
    }
  }

  @Test("layers are divided so that the head's stage has fewer")
  func balance() {
    let plan = StagePlan(layers: 12, stages: 2, headCost: 5.45)
    #expect(plan.runs == [0..<9, 9..<12])
    #expect(StagePlan(layers: 8, stages: 4, headCost: 0).runs.map(\.count) == [2, 2, 2, 2])
    let interleaved = StagePlan(layers: 8, stages: 2, chunks: 2, headCost: 0)
    #expect(interleaved.layers(stage: 1, chunk: 0) == 2..<4)
    #expect(interleaved.layers(stage: 0, chunk: 1) == 4..<6)
  }
}
