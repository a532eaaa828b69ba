import JSON

/// How transformers spells rotary positions: at the top before version 5, in `rope_parameters` since.
enum RotaryKeys {
  /// Throws where positions are stretched or turned in another way than the plain one.
  static func read(_ keys: ForeignConfig, into config: inout Transformer.Config, fraction: Double) throws {
    // One without members says nothing, and does not stand in place of the other.
    let sections = [try keys.section("rope_scaling"), try keys.section("rope_parameters")].compactMap(\.self)
      .filter { !$0.values.isEmpty }
    for section in sections {
      for key in ["rope_type", "type"] { try section.expect(key, .string("default")) }
      if let nested = section.values.first(where: { if case .object = $0.value { true } else { false } }) {
        throw section.failure("has \(nested.key) for some of the layers, expected one for all")
      }
    }
    // As transformers 5 does: `rope_scaling` stands in place of `rope_parameters`, and either before the top.
    let places = sections.prefix(1) + [keys]
    config.positions = .rotary
    config.rotaryBase = try places.lazy.compactMap { try $0.optionalNumber("rope_theta") }.first ?? 10000
    guard config.rotaryBase > 0 else {
      throw keys.failure("rope_theta is \(config.rotaryBase), expected a positive number")
    }
    config.rotaryFraction =
      try places.lazy.compactMap { try $0.optionalNumber("partial_rotary_factor") }.first ?? fraction
  }

  /// Both spellings: each version reads one.
  static func write(_ config: Transformer.Config) -> [String: JSONValue] {
    var parameters: [String: JSONValue] = [
      "rope_type": .string("default"), "rope_theta": .number(config.rotaryBase),
    ]
    var keys: [String: JSONValue] = ["rope_theta": .number(config.rotaryBase)]
    if config.norm == .layerNorm1P {
      parameters["partial_rotary_factor"] = .number(config.rotaryFraction)
      keys["partial_rotary_factor"] = .number(config.rotaryFraction)
    }
    keys["rope_parameters"] = JSONValue(parameters)
    return keys
  }
}
