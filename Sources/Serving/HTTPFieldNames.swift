import HTTPTypes

// Names that HTTPTypes does not have.
extension HTTPField.Name {
  static var xAccelBuffering: HTTPField.Name { named("X-Accel-Buffering") }
  static var xFrameOptions: HTTPField.Name { named("X-Frame-Options") }
  static var referrerPolicy: HTTPField.Name { named("Referrer-Policy") }

  private static func named(_ name: String) -> HTTPField.Name {
    guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no name of a field") }
    return name
  }
}
