import CKernels

/// Keys and values of many texts, in pages of some tokens that texts may share.
///
/// A page lies as the attention reads it, for every layer: `Device.pageTokens` tokens, of each key-value head keys in
/// panels, then values. Which pages belong to which text is for others to say.
package final class KeyValuePages {
  package let count: Int
  /// Of the model, those whose keys and values are here.
  package let layers: Range<Int>
  package let keyValueHeads: Int
  package let headWidth: Int
  private let memory: Tensor
  /// Floats of a page of one layer.
  private let size: Int

  package init(count: Int, layers: Range<Int>, keyValueHeads: Int, headWidth: Int, on device: Device) {
    self.count = count
    self.layers = layers
    self.keyValueHeads = keyValueHeads
    self.headWidth = headWidth
    size = Int(nk_page_floats(device.kernels, Int64(keyValueHeads), Int64(headWidth)))
    memory = Tensor(uninitialized: Shape(count * layers.count * size), on: device)
  }

  /// Bytes of a page, all layers together.
  package static func byteCount(layers: Int, keyValueHeads: Int, headWidth: Int, on device: Device) -> Int {
    layers * Int(nk_page_floats(device.kernels, Int64(keyValueHeads), Int64(headWidth))) * DType.f32.size
  }

  package var byteCount: Int { memory.byteCount }

  /// Page `target` = page `source`, all layers.
  package func copy(_ source: Int, to target: Int) {
    let floats = layers.count * size
    func page(_ index: Int) -> Tensor {
      memory.elements(index * floats..<(index + 1) * floats, as: Shape(1, floats))
    }
    page(target).copyRows(from: page(source))
  }

  /// The first page of a layer, and floats from one page to the next.
  fileprivate func layer(_ index: Int) -> (first: UnsafeMutablePointer<Float>, stride: Int) {
    precondition(layers.contains(index), "layer \(index) of \(layers)")
    return (memory.f32 + (index - layers.lowerBound) * size, layers.count * size)
  }
}

extension Device {
  /// Tokens of a page: a block of the attention kernel.
  package var pageTokens: Int { Int(nk_page_tokens(kernels)) }
}

/// New tokens of several texts side by side, and the pages where what came before them lies.
package struct PagedTokens {
  package let pages: KeyValuePages
  /// [texts + 1]: where the new tokens of each stand among the rows. i32
  package let firstRows: Tensor
  /// [texts]: tokens of each, with the new ones. i32
  package let lengths: Tensor
  /// [texts, pages of the longest]: the pages of each in the order of its tokens. i32
  package let tables: Tensor

  /// - Parameters:
  ///   - counts: new tokens of each text, at least one.
  ///   - lengths: tokens of each, with the new ones.
  ///   - tables: pages of each, enough for its length.
  package init(counts: [Int], lengths: [Int], tables: [[Int32]], in pages: KeyValuePages, on device: Device) {
    precondition(counts.count == lengths.count && counts.count == tables.count)
    let room = device.pageTokens
    var first: [Int32] = [0]
    let stride = max(1, tables.map(\.count).max() ?? 1)
    var all: [Int32] = []
    all.reserveCapacity(stride * tables.count)
    for (index, table) in tables.enumerated() {
      precondition(
        counts[index] >= 1 && counts[index] <= lengths[index] && lengths[index] <= table.count * room,
        "\(counts[index]) new of \(lengths[index]) tokens in \(table.count) pages")
      precondition(table.allSatisfy { (0..<Int32(pages.count)).contains($0) }, "a page beyond \(pages.count)")
      first.append(first[index] + Int32(counts[index]))
      all += table + [Int32](repeating: 0, count: stride - table.count)
    }
    self.pages = pages
    firstRows = Tensor(first, Shape(first.count), on: device)
    self.lengths = Tensor(lengths.map(Int32.init), Shape(lengths.count), on: device)
    self.tables = Tensor(all, Shape(tables.count, stride), on: device)
  }

  /// output = causal attention of the new tokens over their texts, whose keys and values are put into layer `layer` of
  /// the pages first. q, output: [tokens, heads·headWidth]; k, v: [tokens, kvHeads·headWidth]
  package func attend(q: Tensor, k: Tensor, v: Tensor, layer: Int, output: Tensor) {
    let width = pages.headWidth, heads = q.columns / width
    precondition(
      q.columns == heads * width && heads % pages.keyValueHeads == 0
        && k.columns == pages.keyValueHeads * width
        && v.columns == k.columns && output.columns == q.columns,
      "q \(q.shape), k \(k.shape), v \(v.shape) for \(pages.keyValueHeads) key-value heads of \(width)")
    let place = pages.layer(layer)
    var arguments = nk_paged_args()
    arguments.sequences = Int64(lengths.count)
    arguments.heads = Int64(heads)
    arguments.kv_heads = Int64(pages.keyValueHeads)
    arguments.head_width = Int64(width)
    arguments.scale = 1 / Float(width).squareRoot()
    arguments.first_rows = UnsafePointer(firstRows.i32)
    arguments.lengths = UnsafePointer(lengths.i32)
    arguments.tables = UnsafePointer(tables.i32)
    arguments.table_stride = Int64(tables.columns)
    arguments.pages = place.first
    arguments.page_stride = Int64(place.stride)
    arguments.q = UnsafePointer(q.f32)
    arguments.ldq = Int64(q.rowStride)
    arguments.k = UnsafePointer(k.f32)
    arguments.ldk = Int64(k.rowStride)
    arguments.v = UnsafePointer(v.f32)
    arguments.ldv = Int64(v.rowStride)
    arguments.output = output.f32
    arguments.ldo = Int64(output.rowStride)
    q.device.run(
      "paged attention", flops: 4 * heads * width * scores, bytes: 2 * q.byteCount + keysRead * 8 * k.columns
    ) { nk_paged_attention($0, &arguments) }
  }

  /// Pairs of a new token and one that it sees.
  private var scores: Int {
    sum { count, length in count * (2 * length - count + 1) / 2 }
  }

  private var keysRead: Int { sum { _, length in length } }

  private func sum(_ term: (Int, Int) -> Int) -> Int {
    let first = firstRows.i32, lengths = self.lengths.i32
    return (0..<self.lengths.count).reduce(0) { $0 + term(Int(first[$1 + 1] - first[$1]), Int(lengths[$1])) }
  }
}
