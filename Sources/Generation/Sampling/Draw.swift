import Tensors

extension Candidates {
  /// A token, each as likely as it weighs; nil where there is none.
  ///
  /// - Parameter uniform: 0 ..< 1
  func draw(_ uniform: Double) -> Int32? { weights.draw(uniform, atLeast: least).map(Int32.init) }
}

extension RandomKey {
  /// A number in 0 ..< 1, one of 2⁵³.
  var uniform: Double { Double(value >> 11) * 0x1p-53 }
}
