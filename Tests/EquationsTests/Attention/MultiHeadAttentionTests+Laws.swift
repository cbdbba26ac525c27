import Equations
import ErrorBounds
import Notation
import TestSupport

let multiHeadLaws: [Law<MultiHead<Double>>] = [
  Law("each head is an attention with maps of its own") { attention, draw in
    let input = draw.multiHead()
    let (got, bound) = (attention(input).byName, bounds(input))
    for i in 0..<input.p.heads {
      let expected = head(i, of: input.converted(to: RunningError.self))
      for (name, step) in expected.sorted(by: { $0.key < $1.key }) {
        try expectAgree(
          got[name]!.head(i), bound[name]!.head(i), with: step, "\(name) of head \(i)")
      }
    }
  },
  Law("the output is the sum of the heads, each times its part of W^O") { attention, draw in
    let input = draw.multiHead()
    let got = attention(input)
    let heads = got.attention.output.tracked
    let map = input.p.output.converted(to: RunningError.self)
    var sum = affineMap(
      Tensor(shape: got.output.shape.dropLast() + [map.inputs], repeating: 0), map)
    for i in 0..<input.p.heads {
      sum = sum + affineMap(heads.head(i), AffineMap(weight: part(i, of: map, input.p.heads)))
    }
    let bound = affineMap(concatenateHeads(heads), map).bounds
    try expectAgree(got.output, bound, with: sum, "the output")
  },
  Law("heads may stand in any order, with their parts of W^O") { attention, draw in
    let input = draw.multiHead()
    let order = draw.permutation("order", count: input.p.heads)
    let map = input.p.output
    let parts = order.map { part($0, of: map, input.p.heads).transposed.storage }
    var shuffled = input
    shuffled.p = MultiHeadAttention(
      heads: order.map { input.p.projections(ofHead: $0) },
      output: AffineMap(
        inputsByOutputs: Tensor(
          shape: [map.inputs, map.outputs], storage: parts.flatMap { $0 }),
        bias: map.bias))
    try ErrorGauge(
      got: attention(shuffled).output, expected: attention(input).output,
      bound: bounds(shuffled)["output"]! + bounds(input)["output"]!)
  },
  Law("a head knows nothing of the maps of the others") { attention, draw in
    let input = draw.multiHead()
    let changed = draw.integer("changed", in: 0...input.p.heads - 1)
    var other = input
    other.p = MultiHeadAttention(
      heads: (0..<input.p.heads).map { i in
        var maps = input.p.projections(ofHead: i)
        if i == changed { maps = maps.with { $0 + 1 } }
        return maps
      }, output: input.p.output)
    let (before, after) = (attention(input).attention, attention(other).attention)
    for i in 0..<input.p.heads where i != changed {
      try expect(before.output.head(i) == after.output.head(i), "head \(i) has changed")
    }
  },
  Law("heads with equal maps are equal to the bit") { attention, draw in
    var input = draw.multiHead()
    let maps = input.p.projections(ofHead: 0)
    input.p = MultiHeadAttention(
      heads: Array(repeating: maps, count: input.p.heads), output: input.p.output)
    input.mask.keep = nil
    let heads = attention(input).attention.output
    for i in 0..<input.p.heads {
      try expect(heads.head(i) == heads.head(0), "head \(i) differs from head 0")
    }
  },
  Law("every sentence is attended to on its own") { attention, draw in
    let input = draw.multiHead(leading: [draw.integer("b", in: 1...3)])
    let output = attention(input).output
    for sentence in 0..<output.shape[0] {
      var alone = input
      (alone.x, alone.y) = (input.x.slice(sentence), input.y.slice(sentence))
      alone.z = input.z.slice(sentence)
      alone.mask.keep = input.mask.keep.map { $0.slice(min(sentence, $0.shape[0] - 1)) }
      try expect(attention(alone).output == output.slice(sentence), "sentence \(sentence)")
    }
  },
]

let sharedHeadLaws: [Law<SharedHead<Double>>] = [
  Law("the shared map is a block that every head repeats, and √dModel the divisor") {
    attention, draw in
    var input = draw.sharedHead()
    // −1e20 is no Float, and its error would hide everything in a row that sees no key.
    input.mask.keep = input.mask.keep.map { showingFirstKey($0) }
    func expanded<S: Scalar>(_ input: SharedHeadCase<S>) -> MultiHeadAttentionSteps<S> {
      multiHead(
        MultiHeadCase(
          x: input.x, y: input.y, z: input.z, p: input.p.expanded, mask: input.mask,
          fill: .replacedBeforeScaling(by: -1e20),
          scale: .rootModelWidth(input.p.output.inputs)))
    }
    let tracked = input.converted(to: RunningError.self)
    let (bound, expected) = (sharedHead(tracked).byName, expanded(tracked).byName)
    for (name, got) in attention(input).byName.sorted(by: { $0.key < $1.key }) {
      try expectAgree(got, bound[name]!.bounds, with: expected[name]!, name)
    }
  },
  Law("a query that sees no key takes the mean of all values") { attention, draw in
    var input = draw.sharedHead()
    let keys = input.y.shape[1]
    try draw.require(keys > 0)
    input.mask = .keep(
      Tensor(shape: [1, 1, 1, keys], repeating: false))
    for weight in attention(input).attention.weights.storage {
      try expect(abs(weight * Double(keys) - 1) <= 0x1p-52, "a weight is \(weight)")
    }
  },
  Law("the heads' parts of the input in another order give the heads in this order") {
    attention, draw in
    let input = draw.sharedHead(leading: [])
    let order = draw.permutation("order", count: input.p.heads)
    func shuffled(_ x: Tensor<Double>) -> Tensor<Double> {
      let heads = splitHeads(x, heads: input.p.heads)
      return concatenateHeads(
        Tensor(shape: heads.shape, storage: order.flatMap { heads.slice($0).storage }))
    }
    var other = input
    (other.x, other.y, other.z) = (shuffled(input.x), shuffled(input.y), shuffled(input.z))
    other.mask.keep = nil
    var plain = input
    plain.mask.keep = nil
    let (before, after) = (attention(plain).attention, attention(other).attention)
    for (place, i) in order.enumerated() {
      try expect(
        after.output.head(place) == before.output.head(i), "head \(i), now number \(place)")
    }
  },
]

let splitLaws: [Law<Split<Double>>] = [
  Law("head i has its own share of the columns, of every position") { split, draw in
    let (x, h) = draw.vectorsOfHeads()
    let width = x.shape[x.rank - 1] / h
    let heads = split(x, h)
    try expect(
      heads.shape == x.leadingShape + [h, x.shape[x.rank - 2], width],
      "the shape is \(heads.shape)")
    for i in 0..<h {
      // A product with a part of the identity picks columns.
      var columns = Tensor<Double>(shape: [width, h * width], repeating: 0)
      for c in 0..<width { columns.storage[c * h * width + i * width + c] = 1 }
      try expect(
        heads.head(i) == affineMap(x, AffineMap(weight: columns)), "head \(i) has other columns")
    }
  },
  Law("concatenating gives back what was split, to the bit") { split, draw in
    let (x, h) = draw.vectorsOfHeads()
    try expect(concatenateHeads(split(x, h)) == x, "it comes back changed")
  },
]

let concatenationLaws: [Law<Concatenate<Double>>] = [
  Law("concatenating undoes splitting") { concatenate, draw in
    let (x, h) = draw.vectorsOfHeads()
    try expect(concatenate(splitHeads(x, heads: h)) == x, "it comes back changed")
  }
]

// MARK: - The definition, head by head

/// Head i from its own maps.
private func head<S: Scalar>(_ i: Int, of input: MultiHeadCase<S>) -> [String: Tensor<S>] {
  let maps = input.p.projections(ofHead: i)
  var mask = input.mask
  mask.keep = mask.keep.map { $0.head(min(i, $0.shape[$0.rank - 3] - 1)) }
  let steps = scaledDotProductAttentionSteps(
    queries: affineMap(input.x, maps.query), keys: affineMap(input.y, maps.key),
    values: affineMap(input.z, maps.value), mask: mask, fill: input.fill, scale: input.scale)
  return [
    "scores": steps.scores, "maskedScores": steps.maskedScores, "weights": steps.weights,
    "heads": steps.output,
  ]
}

/// A mask that hides the first key from no query.
private func showingFirstKey(_ keep: Tensor<Bool>) -> Tensor<Bool> {
  let columns = keep.shape[keep.rank - 1]
  return Tensor(
    shape: keep.shape,
    storage: keep.storage.enumerated().map { $0.element || $0.offset % columns == 0 })
}

/// The columns of W^O that belong to head i: outputs × dv.
private func part<S: Scalar>(_ i: Int, of map: AffineMap<S>, _ heads: Int) -> Tensor<S> {
  splitHeads(map.weight, heads: heads).slice(i)
}

/// How far every step of the equation in Double may be from the exact one.
private func bounds(_ input: MultiHeadCase<Double>) -> [String: Tensor<Double>] {
  multiHead(input.converted(to: RunningError.self)).byName.mapValues(\.bounds)
}

/// Compares with a result whose numbers carry their errors.
private func expectAgree(
  _ got: Tensor<Double>, _ bound: Tensor<Double>, with expected: Tensor<RunningError>,
  _ what: String
) throws {
  do {
    try ErrorGauge(
      got: got, expected: expected.map(\.value), bound: bound + expected.bounds)
  } catch { throw Disagreement(description: "\(what): \(error)") }
}

private struct Disagreement: Error, CustomStringConvertible { let description: String }

extension AttentionProjections {
  /// The maps with every weight changed.
  fileprivate func with(_ change: (S) -> S) -> AttentionProjections {
    func changed(_ map: AffineMap<S>) -> AffineMap<S> {
      AffineMap(weight: map.weight.map(change), bias: map.bias)
    }
    return AttentionProjections(
      query: changed(query), key: changed(key), value: changed(value))
  }
}

// MARK: - Inputs

extension Draw {
  fileprivate func multiHead(leading: [Int]? = nil) -> MultiHeadCase<Double> {
    let (h, dk) = (integer("h", in: 1...3), integer("dk", in: 1...3))
    let leading = leading ?? (0..<integer("rank", in: 0...1)).map { _ in integer("b", in: 1...2) }
    let (n, d) = (size("n", from: 1, upTo: 4), h * dk)
    // Where all widths are equal, shapes give no mistake away.
    let isSquare = bool("square")
    let m = isSquare ? n : size("m", upTo: 4)
    let dv = isSquare ? dk : integer("dv", in: 1...3)
    func width(_ name: String) -> Int { isSquare ? d : integer(name, in: 1...4) }
    func map(_ name: String, _ outputs: Int, _ inputs: Int) -> AffineMap<Double> {
      AffineMap(
        weight: numbers(name, [outputs, inputs]),
        bias: bool("bias") ? numbers("\(name)Bias", [outputs]) : nil)
    }
    let (dx, dy, dz) = (width("dx"), width("dy"), width("dz"))
    let mask = mask(leading: leading + [h], rows: n, columns: m).mask
    return MultiHeadCase(
      x: numbers("x", leading + [n, dx]), y: numbers("y", leading + [m, dy]),
      z: numbers("z", leading + [m, dz]),
      p: MultiHeadAttention(
        query: map("q", d, dx), key: map("k", d, dy), value: map("v", h * dv, dz),
        output: map("o", width("dOut"), h * dv), heads: h),
      mask: mask.converted(),
      fill: element("fill", of: [.excluded, .replaced(by: -10000), .added(-100)]),
      scale: element("scale", of: [.rootKeyWidth, .rootModelWidth(d), .factor(0.5)]))
  }

  fileprivate func sharedHead(leading: [Int]? = nil) -> SharedHeadCase<Double> {
    let (h, dk) = (integer("h", in: 1...3), integer("dk", in: 1...3))
    let leading = leading ?? [integer("b", in: 1...2)]
    let n = size("n", from: 1, upTo: 4)
    let (m, d) = (bool("as many keys") ? n : size("m", upTo: 4), h * dk)
    let mask = mask(leading: leading + [h], rows: n, columns: m).mask
    return SharedHeadCase(
      x: numbers("x", leading + [n, d]), y: numbers("y", leading + [m, d]),
      z: numbers("z", leading + [m, d]),
      p: SharedHeadAttention(
        query: numbers("q", [dk, dk]), key: numbers("k", [dk, dk]),
        value: numbers("v", [dk, dk]),
        output: AffineMap(weight: numbers("o", [d, d]), bias: numbers("oBias", [d])), heads: h),
      mask: mask.converted())
  }

  fileprivate func vectorsOfHeads() -> (x: Tensor<Double>, heads: Int) {
    let h = integer("h", in: 1...4)
    let leading = (0..<integer("rank", in: 0...2)).map { size("leading\($0)", upTo: 3) }
    let shape = leading + [size("t", upTo: 4), h * size("width", upTo: 4)]
    return (tensor("x", shape, .ordinary).converted(), h)
  }

  /// Numbers in −1 … 1, so that softmax is not saturated.
  private func numbers(_ name: String, _ shape: [Int]) -> Tensor<Double> {
    tensor(name, shape, .ordinary).converted(to: Double.self).map { $0 / 8 }
  }
}
