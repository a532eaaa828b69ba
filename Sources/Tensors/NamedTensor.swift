/// A tensor and the name under which a checkpoint keeps it.
package struct NamedTensor {
  package let name: String
  package let tensor: Tensor

  package init(_ name: String, _ tensor: Tensor) {
    self.name = name
    self.tensor = tensor
  }
}
