import Equations
import ErrorBounds
import Notation
import TestSupport

let insideLaws: [Law<InsideFunction>] = [
  Law("attention inside windows is that of every window by itself, with a bias for each offset") {
    attention, draw in
    let input = draw.inside()
    let (got, m, h) = (attention(input), input.p.windowSize, input.p.attention.heads)
    var bias = Tensor<Double>(shape: [h, m * m, m * m], repeating: 0)
    for g in 0..<h {
      for i in 0..<m * m {
        for j in 0..<m * m {
          let (r, c) = (i / m - j / m + m - 1, i % m - j % m + m - 1)
          bias[g, i, j] = input.p.biasTable[r * (2 * m - 1) + c, g]
        }
      }
    }
    for b in 0..<input.x.shape[0] {
      for n in 0..<input.x.shape[1] {
        let x = input.x.slice(b).slice(n)
        let keep = input.mask?.keeping(n)
        let alone = multiHeadAttentionSteps(
          queries: x, keys: x, values: x, input.p.attention,
          mask: AttentionMask(keep: keep, bias: bias), fill: input.fill
        ).insideByName
        for (name, part) in got.insideByName.sorted(by: { $0.key < $1.key }) {
          try expect(part.slice(b).slice(n) == alone[name], "\(name) of window \(n) of map \(b)")
        }
      }
    }
  },
  Law("a bias that is the same for every offset changes no weight", cases: 30) { attention, draw in
    var input = draw.inside()
    (input.mask, input.fill) = (nil, .excluded)
    var other = input
    input.p.biasTable = input.p.biasTable.map { _ in 0 }
    other.p.biasTable = input.p.biasTable.map { _ in 2 }
    func bounds(_ input: InsideCase<Double>) -> Tensor<Double> {
      insideEquation(input.converted(to: RunningError.self)).attention.weights.bounds
    }
    try expectSame(
      attention(other).attention.weights, attention(input).attention.weights,
      bounds: bounds(other), bounds(input))
  },
]

let shiftedLaws: [Law<ShiftedFunction>] = [
  Law("shift and mask do what windows at other places do, cut by the border and filled up") {
    attention, draw in
    var input = draw.shifted()
    input.fill = .excluded
    try expect(attention(input) == padded(input), "the output has other bits")
  },
  Law("what the shift adds to hidden scores is added to them") { attention, draw in
    let input = draw.shifted()
    let (m, s) = (input.p.windowSize, input.shift)
    let (height, width) = (input.x.shape[1], input.x.shape[2])
    guard min(height, width) > m else { return }
    // Every window of the shifted map gathers its positions from where they stand.
    let mask = shiftedWindowMask(height: height, width: width, window: m, shift: s)
    let y = attention(input)
    for b in 0..<input.x.shape[0] {
      for n in 0..<mask.shape[0] {
        let (top, left) = (n / (width / m) * m, n % (width / m) * m)
        let places = (0..<m * m).map { i in
          (top + i / m + s) % height * width + (left + i % m + s) % width
        }
        let x = input.x.slice(b).reshaped([height * width, input.x.shape[3]]).rows(places)
        let alone = windowAttention(
          x.reshaped([1] + x.shape), input.p, mask: mask.keeping(n), fill: input.fill)
        let got = y.slice(b).reshaped([height * width, y.shape[3]]).rows(places)
        try expect(got == alone.slice(0), "window \(n) of map \(b) has other bits")
      }
    }
  },
  Law("a map that is no higher or no wider than a window is not shifted") { attention, draw in
    var input = draw.shifted()
    let m = input.p.windowSize
    input.x =
      draw.bool("high")
      ? input.x.transposedMap.firstRows(m).transposedMap : input.x.firstRows(m)
    var unshifted = input
    unshifted.shift = 0
    try expect(attention(input) == shiftedEquation(unshifted), "the output has other bits")
  },
]

/// Attention inside windows that lie s further down and to the right: those that the border cuts are
/// filled up with zeros, which are hidden, and nothing moves.
func padded(_ input: ShiftedCase<Double>, isHidden: Bool = true) -> Tensor<Double> {
  let (x, p, m) = (input.x, input.p, input.p.windowSize)
  let (b, height, width, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
  // How many rows and columns of zeros stand before the map, and behind it.
  let before = min(height, width) <= m || input.shift == 0 ? 0 : m - input.shift
  let (h, w) = (before == 0 ? height : height + m, before == 0 ? width : width + m)
  func isMap(_ r: Int, _ c: Int) -> Bool {
    (before..<before + height).contains(r) && (before..<before + width).contains(c)
  }
  var larger: [Double] = []
  for g in 0..<b {
    for r in 0..<h {
      for c in 0..<w {
        larger +=
          isMap(r, c)
          ? x.slice(g).slice(r - before).slice(c - before).storage
          : Array(repeating: 0, count: channels)
      }
    }
  }
  let real = (0..<h).flatMap { r in (0..<w).map { c in isMap(r, c) ? 1.0 : 0 } }
  let inside = windows(Tensor(shape: [h, w, 1], storage: real), size: m)
  let mask = Tensor(
    shape: [inside.shape[0], m * m, m * m],
    storage: (0..<inside.shape[0]).flatMap { n in
      (0..<m * m).flatMap { _ in inside.slice(n).storage.map { $0 == 1 || !isHidden } }
    })
  let y = windowAttention(
    windows(Tensor(shape: [b, h, w, channels], storage: larger), size: m), p, mask: mask)
  let map = joinedWindows(y, size: m, height: h, width: w)
  return map.rows(Array(before..<before + width)).transposedMap
    .rows(Array(before..<before + height)).transposedMap
}

let blockLaws: [Law<BlockFunction>] = [
  Law("a block is two residual sublayers, attention inside windows and then the network") {
    block, draw in
    let input = draw.block()
    let (x, p) = (input.x, input.p)
    let attention = shiftedWindowAttention(
      layerNorm(x, p.attentionNorm), p.attention, shift: p.shift, fill: input.fill)
    let a = x + attention
    let network = feedForward(layerNorm(a, p.feedForwardNorm), p.feedForward)
    let steps = block(input)
    try expect(steps.attention == attention, "the attention gives other bits")
    try expect(steps.afterAttention == a, "the first sum has other bits")
    try expect(steps.feedForward == network, "the network gives other bits")
    try expect(steps.output == a + network, "the output has other bits")
  },
  Law("a position depends on its own window alone", cases: 30) { block, draw in
    var input = draw.block()
    input.fill = .excluded
    let (m, s) = (input.p.attention.windowSize, input.p.shift)
    let (height, width) = (input.x.shape[1], input.x.shape[2])
    let shift = min(height, width) <= m ? 0 : s
    let at = draw.integer("row", in: 0...height - 1) * width
    let position = at + draw.integer("column", in: 0...width - 1)
    for k in 0..<input.x.shape[3] { input.x.storage[position * input.x.shape[3] + k] = .nan }
    /// The window of a position; before the first ones begin those that the border cuts.
    func window(_ position: Int) -> [Int] {
      [(position / width + m - shift) / m, (position % width + m - shift) / m]
    }
    let y = block(input).output.slice(0).reshaped([height * width, input.x.shape[3]])
    for i in 0..<height * width {
      let isReached = y.slice(i).storage.contains { $0.isNaN }
      try expect(isReached == (window(i) == window(position)), "position \(i) from \(position)")
    }
  },
]

let mergingLaws: [Law<MergingFunction>] = [
  Law("four neighbours, column by column, are normalised together and mapped") { merging, draw in
    let input = draw.merging()
    let (x, p) = (input.x, input.p)
    let (b, height, width, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let y = merging(input)
    try expect(
      y.shape == [b, height / 2, width / 2, p.reduction.outputs], "the shape is \(y.shape)")
    for g in 0..<b {
      for r in 0..<height / 2 {
        for c in 0..<width / 2 {
          let four = [(0, 0), (1, 0), (0, 1), (1, 1)].flatMap { (row: Int, column: Int) in
            x.slice(g).slice(2 * r + row).slice(2 * c + column).storage
          }
          let norm = layerNorm(Tensor(shape: [4 * channels], storage: four), p.norm)
          try expect(
            y.slice(g).slice(r).slice(c) == affineMap(norm, p.reduction), "row \(r), column \(c)")
        }
      }
    }
  }
]

let swinLaws: [Law<SwinFunction>] = [
  Law("a Swin Transformer is patches, stages, a norm, a mean and a map", cases: 30) {
    model, draw in
    let input = draw.swin()
    let (got, expected) = (model(input).byName, asDefined(input).byName)
    for (name, part) in expected.sorted(by: { $0.key < $1.key }) {
      try expect(got[name] == part, "\(name) has other bits")
    }
  },
  Law("every stage halves rows and columns and doubles the width", cases: 20) { model, draw in
    let input = draw.swin()
    let steps = model(input)
    for (k, stage) in steps.stages.enumerated() {
      let map = steps.embedded.shape
      try expect(
        stage.shape == [map[0], map[1] >> k, map[2] >> k, map[3] << k], "stage \(k): \(stage.shape)"
      )
    }
  },
  Law("every image goes through the Swin Transformer on its own", cases: 20) { model, draw in
    let input = draw.swin()
    let logits = model(input).logits
    for b in 0..<input.images.shape[0] {
      var alone = input
      alone.images = input.images.slice(b)
      try expect(model(alone).logits == logits.slice(b), "image \(b) alone has other bits")
    }
  },
]

/// The model as SPEC.md writes it.
private func asDefined(_ input: SwinCase<Double>) -> SwinTransformerSteps<Double> {
  let (x, p) = (input.images, input.p)
  let (b, rows, columns) = (x.shape[0], x.shape[1] / p.patchSize, x.shape[2] / p.patchSize)
  var y = affineMap(patches(x, size: p.patchSize, order: p.patchOrder), p.patch)
    .reshaped([b, rows, columns, p.patch.outputs])
  if let norm = p.patchNorm { y = layerNorm(y, norm) }
  let embedded = y
  var stages: [Tensor<Double>] = []
  for stage in p.stages {
    if let merging = stage.merging { y = patchMerging(y, merging) }
    for block in stage.blocks { y = swinBlock(y, block, fill: input.fill) }
    stages.append(y)
  }
  let z = layerNorm(y, p.norm)
  let positions = z.shape[1] * z.shape[2]
  var mean = Tensor<Double>(shape: [b, z.shape[3]], repeating: 0)
  for g in 0..<b {
    for r in 0..<z.shape[1] {
      for c in 0..<z.shape[2] {
        for k in 0..<z.shape[3] { mean[g, k] += z.slice(g).slice(r)[c, k] }
      }
    }
  }
  mean = mean.map { $0 / Double(positions) }
  return SwinTransformerSteps(
    embedded: embedded, stages: stages, pooled: mean, logits: affineMap(mean, p.head))
}

extension Tensor<Double> {
  /// Rows and columns of a map … × H × W × C exchanged.
  var transposedMap: Tensor {
    let (h, w, channels) = (shape[rank - 3], shape[rank - 2], shape[rank - 1])
    var elements: [Double] = []
    for g in 0..<shape.dropLast(3).reduce(1, *) {
      for c in 0..<w {
        for r in 0..<h {
          let start = ((g * h + r) * w + c) * channels
          elements += storage[start..<start + channels]
        }
      }
    }
    return Tensor(shape: shape.dropLast(3) + [w, h, channels], storage: elements)
  }

  /// The first rows of a map … × H × W × C.
  fileprivate func firstRows(_ count: Int) -> Tensor {
    transposedMap.rows(Array(0..<count)).transposedMap
  }
}

extension Draw {
  /// This specification's fill, that of Swin's code, and one that hides little.
  private func swinFill() -> MaskFill {
    element("fill", of: [.excluded, .added(-100), .added(-1)])
  }

  fileprivate func inside() -> InsideCase<Double> {
    var maker = LayerMaker(self)
    let (m, n) = (integer("M", in: 1...3), integer("N", in: 1...3))
    let mask = keepSome("mask", [n, m * m, m * m])
    return InsideCase(
      x: maker.numbers([integer("b", in: 1...2), n, m * m, LayerMaker.width]),
      p: maker.windowAttention(window: m), mask: bool("masked") ? mask : nil, fill: swinFill())
  }

  /// A mask in which every position sees itself.
  private func keepSome(_ name: String, _ shape: [Int]) -> Tensor<Bool> {
    var keep = integerTensor(name, shape, magnitude: 1).map { $0 == 0 }
    for n in 0..<shape[0] {
      for i in 0..<shape[1] { keep[n, i, i] = true }
    }
    return keep
  }

  fileprivate func shifted() -> ShiftedCase<Double> {
    let m = integer("M", in: 1...3)
    let x = map(window: m, channels: LayerMaker.width)
    var maker = LayerMaker(self)
    return ShiftedCase(
      x: x, p: maker.windowAttention(window: m), shift: integer("s", in: 0...m - 1),
      fill: swinFill())
  }

  fileprivate func block() -> BlockCase<Double> {
    let m = integer("M", in: 1...3)
    let x = map(window: m, channels: LayerMaker.width)
    var maker = LayerMaker(self)
    return BlockCase(
      x: x, p: maker.swinBlock(window: m, shift: integer("s", in: 0...m - 1)), fill: swinFill())
  }

  fileprivate func merging() -> MergingCase<Double> {
    let x = map(window: 2, channels: LayerMaker.width)
    var maker = LayerMaker(self)
    return MergingCase(x: x, p: maker.merging())
  }

  fileprivate func swin() -> SwinCase<Double> {
    var maker = LayerMaker(self)
    let (size, channels) = (integer("P", in: 1...2), integer("C", in: 1...2))
    let (rows, columns) = (integer("rows", in: 1...2) * 4, integer("columns", in: 1...2) * 4)
    let blocks = integer("blocks", in: 1...3)
    return SwinCase(
      images: maker.numbers([integer("b", in: 1...2), rows * size, columns * size, channels]),
      p: maker.swinTransformer(
        patchSize: size, channels: channels, stages: [(2, blocks), (2, 2)],
        patchNorm: bool("patchNorm"), order: element("order", of: PatchOrder.allCases)),
      fill: swinFill())
  }
}
