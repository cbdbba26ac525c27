import Equations
import ErrorBounds
import Notation
import TestSupport

let convolutionLaws: [Law<Convolving>] = [
  Law("the kernel's elements are affine maps of shifted sequences, and their sum is the result") {
    convolve, draw in
    let input = draw.convolved()
    let tracked = input.converted(to: RunningError.self)
    let (x, p) = (tracked.padded, tracked.p)
    let results = input.starts.count
    let sum = (0..<p.kernel).reduce(
      Tensor<RunningError>(
        shape: x.leadingShape + [results, p.outputs],
        storage: (0..<x.leadingShape.reduce(1, *) * results).flatMap { _ in
          p.bias?.storage ?? Array(repeating: 0, count: p.outputs)
        })
    ) { sum, j in
      let seen = x.rows(input.starts.map { $0 + j * p.dilation })
      let map = Tensor(
        shape: [p.outputs, p.inputs],
        storage: (0..<p.outputs * p.inputs).map { p.weight.storage[$0 * p.kernel + j] })
      return sum + affineMap(seen, AffineMap(weight: map))
    }
    try expectSame(
      convolve(input), sum.map(\.value), bounds: sum.bounds, correctConvolution(tracked).bounds)
  },
  Law("a result is that of the positions which it sees, each by itself and in any order") {
    convolve, draw in
    let input = draw.convolved()
    let (y, x) = (convolve(input), input.padded)
    for (i, start) in input.starts.enumerated() {
      var alone = input
      alone.x = x.rows(Array(start..<start + input.p.span))
      alone.p = input.p.with(.none)
      try expect(convolve(alone) == y.rows([i]), "result \(i) alone is another")
    }
  },
  Law("what a result does not see cannot reach it, not even NaN") { convolve, draw in
    var input = draw.convolved()
    let (y, left) = (convolve(input), input.margins.left)
    let i = draw.integer("i", in: 0...input.starts.count - 1)
    let seen = (0..<input.p.kernel).map { input.starts[i] + $0 * input.p.dilation - left }
    let t = input.x.shape[1]
    for position in 0..<t where !seen.contains(position) {
      for g in 0..<input.x.shape[0] {
        for c in 0..<input.p.inputs { input.x[g, position, c] = .nan }
      }
    }
    try expect(convolve(input).rows([i]) == y.rows([i]), "result \(i) sees more than \(seen)")
  },
  Law("later by a stride, a sequence has its results one place earlier") { convolve, draw in
    var input = draw.convolved(paddings: [.none], room: 3)
    let y = convolve(input)
    let t = input.x.shape[1]
    input.x = input.x.rows(Array(input.p.stride..<t))
    try expect(convolve(input) == y.rows(Array(1..<y.shape[1])), "the results are others")
  },
  Law("a causal convolution has a result for each position, and none sees a later one") {
    convolve, draw in
    var input = draw.convolved(paddings: [.causal], stride: 1)
    let (y, t) = (convolve(input), input.x.shape[1])
    try expect(y.shape[1] == t, "\(y.shape[1]) results for \(t) positions")
    for cut in 0..<t {
      let earlier = Array(0...cut)
      let whole = input.x
      input.x = whole.rows(earlier)
      try expect(convolve(input) == y.rows(earlier), "what follows position \(cut) matters")
      input.x = whole
    }
  },
  Law("padded to the same length, a kernel of odd length stands in the middle") { convolve, draw in
    let input = draw.convolved(paddings: [.same], stride: 1)
    let (y, p) = (convolve(input), input.p)
    try expect(y.shape[1] == input.x.shape[1], "\(y.shape[1]) results")
    // An even kernel has one position more behind than before: as an odd one with a 0 in front.
    let odd = Convolved(
      x: input.x,
      p: Convolution(
        weight: p.weight.rows.padded(left: p.span % 2 == 1 ? 0 : 1, spacing: p.dilation)
          .reshaped([p.outputs, p.inputs, p.span / 2 * 2 + 1]),
        bias: p.bias, padding: .zeros(left: p.span / 2, right: p.span / 2)))
    try expect(convolve(odd) == y, "the middle is elsewhere")
  },
  Law("a kernel of 1 knows no order: permuted positions have permuted results") { convolve, draw in
    var input = draw.convolved(paddings: [.none], kernel: 1, stride: 1)
    let order = draw.permutation("order", count: input.x.shape[1])
    let y = convolve(input)
    let tracked = input.converted(to: RunningError.self)
    let map = AffineMap(
      weight: tracked.p.weight.reshaped([input.p.outputs, input.p.inputs]), bias: tracked.p.bias)
    let expected = affineMap(tracked.x, map)
    try expectSame(
      y, expected.map(\.value), bounds: expected.bounds, correctConvolution(tracked).bounds)
    input.x = input.x.rows(order)
    try expect(convolve(input) == y.rows(order), "the order \(order) matters")
  },
  Law("sequences have nothing to do with each other") { convolve, draw in
    let input = draw.convolved()
    let y = convolve(input)
    for g in 0..<input.x.shape[0] {
      let alone = Convolved(x: input.x.slice(g), p: input.p)
      try expect(convolve(alone) == y.slice(g), "sequence \(g) alone has other results")
    }
  },
]

let fieldLaws: [Law<Field>] = [
  Law("a result changes with the first and the last position of its field, and with none beyond") {
    field, draw in
    let layers = draw.layers()
    let count = field(layers)
    try expect(count >= 1 && count < 1000, "a field of \(count)")
    func result(_ position: Int) -> Double {
      var x = Tensor<Double>(shape: [count + 9, 1], repeating: 1)
      x[position, 0] = 2
      return layers.reduce(x) { convolution($0, $1) }[0, 0]
    }
    let changing = (0..<count + 9).filter { result($0) != result(count + 8) }
    try expect(changing.min() == 0 && changing.max() == count - 1, "\(changing) matter")
  },
  Law("as many positions as the field has give one result") { field, draw in
    let layers = draw.layers()
    let x = Tensor<Double>(shape: [max(field(layers), 1000), 1], repeating: 1)
    // The kernels must fit: what is cut off is cut off a sequence that is long enough.
    let cut = x.rows(Array(0..<field(layers)))
    let isWide = layers.reduce(Optional(cut.shape[0])) { t, layer in
      t.flatMap { $0 >= layer.span ? ($0 - layer.span) / layer.stride + 1 : nil }
    }
    try expect(isWide == 1, "\(field(layers)) positions give \(isWide ?? 0) results")
  },
  Law("L kernels of k see 1 + L (k − 1) positions") { field, draw in
    let (k, count) = (draw.integer("k", in: 1...7), draw.size("L", upTo: 9))
    let got = field(Array(repeating: Convolution(kernel: k), count: count))
    try expect(got == 1 + count * (k - 1), "the field is \(got)")
  },
]

// MARK: - Inputs

extension Convolved {
  /// How many zeros stand on either side: written down again, not asked for.
  var margins: (left: Int, right: Int) {
    let reach = p.dilation * (p.weight.shape[2] - 1)
    switch p.padding {
    case .zeros(let left, let right): return (left, right)
    case .causal: return (reach, 0)
    case .same: return (reach - (reach + 1) / 2, (reach + 1) / 2)
    }
  }

  /// The sequences with their zeros.
  var padded: Tensor<S> {
    func zeros(_ count: Int) -> Tensor<S> {
      Tensor(shape: x.leadingShape + [count, x.shape[x.rank - 1]], repeating: 0)
    }
    return zeros(margins.left).followed(by: x).followed(by: zeros(margins.right))
  }

  /// The first position that each result sees, counted from the first zero.
  var starts: [Int] {
    let length = margins.left + x.shape[x.rank - 2] + margins.right
    return Array(stride(from: 0, through: length - p.dilation * (p.kernel - 1) - 1, by: p.stride))
  }
}

extension Tensor<Double> {
  /// The rows with zeros in front, and `spacing` − 1 of them between neighbours.
  fileprivate func padded(left: Int, spacing: Int) -> Tensor {
    let (n, k) = (shape[0], shape[1])
    var result = Tensor(shape: [n, left + spacing * (k - 1) + 1], repeating: 0)
    for i in 0..<n {
      for j in 0..<k { result[i, left + spacing * j] = self[i, j] }
    }
    return result
  }
}

extension Draw {
  fileprivate func convolved(
    paddings: [ConvolutionPadding]? = nil, kernel: Int? = nil, stride: Int? = nil, room: Int = 0
  ) -> Convolved<Double> {
    let k = kernel ?? integer("k", in: 1...4)
    let inputs = integer("inputs", in: 1...3)
    let outputs = bool("square") ? inputs : integer("outputs", in: 1...3)
    func values(_ name: String, _ shape: [Int]) -> Tensor<Double> {
      tensor(name, shape, .ordinary).converted()
    }
    let p = Convolution(
      weight: values("W", [outputs, inputs, k]),
      bias: bool("biased") ? values("b", [outputs]) : nil,
      stride: stride ?? integer("stride", in: 1...3), dilation: integer("dilation", in: 1...3),
      padding: element(
        "padding",
        of: paddings ?? [
          .none, .causal, .same, .zeros(left: 2, right: 0), .zeros(left: 1, right: 3),
        ]))
    let least = p.padding == .causal || p.padding == .same ? 1 : p.span
    let t = least + room + integer("t", in: 0...5)
    return Convolved(x: values("x", [integer("b", in: 1...2), t, inputs]), p: p)
  }

  fileprivate func layers() -> [Convolution<Double>] {
    (0..<size("layers", upTo: 3)).map { _ in
      Convolution(
        kernel: integer("k", in: 1...4), stride: integer("stride", in: 1...3),
        dilation: integer("dilation", in: 1...3))
    }
  }
}
