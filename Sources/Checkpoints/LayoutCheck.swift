/// Holds what a source has against what a layout says that it should.
struct LayoutCheck {
  private let path: String
  private let forms: [String: TensorForm]
  private let layout: TensorLayout
  /// Of each tensor of the layout that is there, the name that it is stored under.
  private let stored: [String: String]

  init(_ source: any TensorSource, _ layout: TensorLayout) {
    path = source.path
    let forms = source.tensors
    self.forms = forms
    self.layout = layout
    var stored: [String: String] = [:]
    for tensor in layout.tensors {
      stored[tensor.name] = ([tensor.name] + tensor.otherNames).first { forms[$0] != nil }
    }
    self.stored = stored
  }

  /// Where every parameter of the layout lies. Throws everything that does not fit, in one sentence.
  func parameters() throws(CheckpointFailure) -> [String: ParameterReader.Parameter] {
    let problems = [missing, unexpected, misfits].compactMap(\.self)
    guard problems.isEmpty else {
      throw CheckpointFailure(
        path,
        "\(problems.joined(separator: "; ")): the weights and the configuration beside them do not belong together"
      )
    }
    var found: [String: (form: TensorForm, columns: Int?, places: [ParameterReader.Place])] = [:]
    for tensor in layout.tensors {
      guard let name = stored[tensor.name], let form = forms[name] else { continue }
      var first = 0
      for piece in tensor.pieces {
        let place = ParameterReader.Place(
          rows: piece.rows, stored: name, first: first, whole: (tensor.rows, tensor.columns ?? 1),
          isTransposed: tensor.isTransposed)
        let known = found[piece.parameter]
        guard (known?.form.type ?? form.type) == form.type else {
          throw CheckpointFailure(
            path,
            "holds one part of \(piece.parameter) as \(known?.form.type.rawValue ?? "") and one as "
              + "\(form.type.rawValue); write all in one type")
        }
        found[piece.parameter] = (form, tensor.columns, (known?.places ?? []) + [place])
        first += piece.rows.count
      }
    }
    return found.mapValues { form, columns, places in
      let rows = places.reduce(0) { max($0, $1.rows.upperBound) }
      return .init(type: form.type, shape: columns.map { [rows, $0] } ?? [rows], places: places)
    }
  }

  private var missing: String? {
    let missing = layout.tensors.filter { stored[$0.name] == nil }
    return missing.first.map {
      "lacks tensor \($0.name.quotedBriefly) of shape \($0.shape)\(Self.andMore(missing.count))"
    }
  }

  private var unexpected: String? {
    let known = Set(stored.values)
    let others = forms.filter { name, _ in
      !known.contains(name) && !layout.ignores(name)
    }.sorted { $0.key < $1.key }
    return others.first.map {
      "holds tensor \($0.key.quotedBriefly) of shape \($0.value.shape)\(Self.andMore(others.count)), "
        + "expected only the \(layout.tensors.count) of a model of this shape"
    }
  }

  private var misfits: String? {
    let found = layout.tensors.compactMap { tensor -> String? in
      guard let name = stored[tensor.name], let form = forms[name] else { return nil }
      if form.shape != tensor.shape {
        return "has tensor \(name.quotedBriefly) in shape \(form.shape), expected \(tensor.shape)"
      }
      return form.type.converts(to: .f32)
        ? nil : "has tensor \(name.quotedBriefly) as \(form.type.rawValue), expected F32, BF16, F16 or F64"
    }
    return found.first.map { $0 + Self.andMore(found.count) }
  }

  private static func andMore(_ count: Int) -> String { count > 1 ? " and \(count - 1) more" : "" }
}
