import Equations
import ErrorBounds
import Notation
import TestSupport
import Testing

let attentionLaws: [Law<Attention>] = [
  Law("a score is the dot product of query and key, times the scale") { attention, draw in
    let input = draw.attention(masked: false)
    let shape = input.shape
    let (scores, bound) = (attention(input).scores.matrices, bounds(input).scores.matrices)
    let (q, k) = (input.q.matrices, input.k.matrices)
    let factor =
      switch input.scale {
      case .rootKeyWidth: 1 / Double(max(shape.dk, 1)).squareRoot()
      case .rootModelWidth(let dModel): 1 / Double(dModel).squareRoot()
      case .factor(let factor): factor
      }
    for g in 0..<shape.groups {
      for i in 0..<shape.n {
        for j in 0..<shape.m {
          let dot = (0..<shape.dk).reduce(0) { $0 + q[g, i, $1] * k[g, j, $1] }
          try TestSupport.expect(
            abs(scores[g, i, j] - dot * factor) <= 2 * bound[g, i, j], "score \(g), \(i), \(j)")
        }
      }
    }
  },
  Law("the weights are the softmax of the masked scores over the keys") { attention, draw in
    var input = draw.attention(masked: true)
    input.mask.bias = draw.bias(input.shape)
    input.fill = draw.element(
      "fill", of: [.excluded, .replaced(by: -3), .replacedBeforeScaling(by: -3), .added(-2)])
    let (steps, bound) = (attention(input), bounds(input))
    var ofScaled = input.fill
    if case .replacedBeforeScaling(let f) = input.fill {
      ofScaled = .replaced(by: f * input.scale.factor(keyWidth: input.shape.dk))
    }
    try ErrorGauge(
      got: steps.maskedScores,
      expected: maskedScores(steps.scores, mask: input.mask, fill: ofScaled),
      bound: bound.maskedScores.map { 2 * $0 + 0x1p-1000 })
    let weights = softmax(steps.maskedScores).matrices
    let visible = visibleKeys(input.mask, fill: .excluded, shape: input.shape.scores).matrices
    for (at, weight) in steps.weights.storage.enumerated()
    where visible.storage[at] || input.fill != .excluded {
      try TestSupport.expect(
        abs(weight - weights.storage[at]) <= 2 * bound.weights.storage[at], "weight \(at)")
    }
  },
  Law("the output is the sum of the values, each times its weight") { attention, draw in
    let input = draw.attention(masked: true)
    let (steps, bound) = (attention(input), bounds(input).output.matrices)
    let (w, v, y) = (steps.weights.matrices, input.v.matrices, steps.output.matrices)
    for g in 0..<input.shape.groups {
      for i in 0..<input.shape.n {
        for c in 0..<input.shape.dv {
          let sum = (0..<input.shape.m).reduce(0) { $0 + w[g, i, $1] * v[g, $1, c] }
          try TestSupport.expect(
            abs(y[g, i, c] - sum) <= 2 * bound[g, i, c], "output \(g), \(i), \(c)")
        }
      }
    }
  },
  Law("adding a constant to every score changes nothing") { attention, draw in
    let input = draw.attention(masked: true)
    var moved = input
    let c = Double(draw.integer("c", in: -1000...1000))
    moved.mask.bias = Tensor(shape: input.shape.scores, repeating: c)
    try expectSame(attention(moved).output, attention(input).output, [moved, input])
  },
  Law("a causal mask lets nothing of later positions through") { attention, draw in
    var input = draw.attention(masked: false)
    let offset = draw.integer("offset", in: -2...2)
    input.mask = .causal(offset: offset)
    let y = attention(input).output
    for i in 0..<input.shape.n {
      let seen = min(max(i + offset + 1, 0), input.shape.m)
      var alone = input
      alone.mask = .none
      alone.q = input.q.rows(i..<i + 1)
      (alone.k, alone.v) = (input.k.rows(0..<seen), input.v.rows(0..<seen))
      try expectSame(y.rows(i..<i + 1), attention(alone).output, [input, alone], row: i)
    }
  },
  Law("keys that nobody sees may as well not be there, whatever they hold") { attention, draw in
    var input = draw.attention(masked: false)
    let shape = input.shape
    try draw.require(shape.m > 0)
    let hidden = draw.integer("hidden", in: 0...shape.m - 1)
    let keep = Tensor(
      shape: shape.leading.map { _ in 1 } + [1, shape.m],
      storage: (0..<shape.m).map { $0 != hidden })
    var without = input
    without.k = input.k.rows(0..<hidden).joined(input.k.rows(hidden + 1..<shape.m))
    without.v = input.v.rows(0..<hidden).joined(input.v.rows(hidden + 1..<shape.m))
    input.mask = .keep(keep)
    let expected = attention(without).output
    let poison = draw.element("poison", of: [0, 1e30, Double.nan, .infinity, -.infinity])
    let poisonsKey = draw.bool("key")
    for g in 0..<shape.groups {
      for p in 0..<shape.dk where poisonsKey {
        input.k.storage[(g * shape.m + hidden) * shape.dk + p] = poison
      }
      for c in 0..<shape.dv { input.v.storage[(g * shape.m + hidden) * shape.dv + c] = poison }
    }
    try expectSame(attention(input).output, expected, [without, without])
  },
  Law("the weight of a hidden key is exactly zero") { attention, draw in
    let input = draw.attention(masked: true)
    let weights = attention(input).weights
    let visible = visibleKeys(input.mask, fill: .excluded, shape: input.shape.scores)
    for (weight, isVisible) in zip(weights.storage, visible.storage) where !isVisible {
      try TestSupport.expect(weight == 0, "a hidden key has the weight \(weight)")
    }
  },
  Law("a fully masked row gives what its fill says") { attention, draw in
    var input = draw.attention(masked: false)
    try draw.require(input.shape.m > 0)
    let plain = attention(input).output
    input.mask = .keep(Tensor(shape: input.shape.scores, repeating: false))
    try TestSupport.expect(
      attention(input).output.storage.allSatisfy { $0 == 0 }, "excluded: not zeros")
    input.fill = .replaced(by: -.infinity)
    try TestSupport.expect(
      attention(input).output.storage.allSatisfy { $0.isNaN }, "replaced by −∞: not NaN")
    input.fill = .added(-100)
    try expectSame(attention(input).output, plain, [input, input], "−100 added")
    var uniform = input
    (uniform.mask, uniform.fill, uniform.scale) = (.none, .excluded, .factor(0))
    let mean = attention(uniform).output
    for fill in [MaskFill.replaced(by: -10000), .replacedBeforeScaling(by: -1e20)] {
      input.fill = fill
      try expectSame(attention(input).output, mean, [input, uniform], "\(fill)")
    }
  },
  Law("keys may come in any order, with their values") { attention, draw in
    let input = draw.attention(masked: false)
    var shuffled = input
    let order = draw.permutation("order", count: input.shape.m)
    shuffled.k = input.k.rows(inOrder: order)
    shuffled.v = input.v.rows(inOrder: order)
    try expectSame(attention(shuffled).output, attention(input).output, [shuffled, input])
  },
  Law("every sentence and head is attended to on its own") { attention, draw in
    let (b, h) = (draw.integer("b", in: 1...2), draw.integer("h", in: 1...2))
    var input = draw.attention(masked: false, leading: [b, h])
    let shape = input.shape
    let keep = draw.integerTensor("keep", [b, 1, 1, shape.m], magnitude: 1).map { $0 == 0 }
    input.mask = .keep(keep)
    let y = attention(input).output
    for s in 0..<b {
      for head in 0..<h {
        var alone = input
        alone.q = input.q.slice(s).slice(head)
        alone.k = input.k.slice(s).slice(head)
        alone.v = input.v.slice(s).slice(head)
        alone.mask = .keep(keep.slice(s).slice(0))
        try expectSame(
          y.slice(s).slice(head), attention(alone).output, [alone, alone], "\(s), \(head)")
      }
    }
  },
  Law("computing one query at a time gives the same bits") { attention, draw in
    let input = draw.attention(masked: false)
    let y = attention(input).output
    for i in 0..<input.shape.n {
      var alone = input
      alone.q = input.q.rows(i..<i + 1)
      try TestSupport.expect(
        attention(alone).output == y.rows(i..<i + 1), "query \(i) differs from its row")
    }
  },
  Law("the output lies between the smallest and the largest value") { attention, draw in
    let input = draw.attention(masked: false)
    try draw.require(input.shape.m > 0)
    let (y, bound, v) = (
      attention(input).output.matrices, bounds(input).output.matrices, input.v.matrices
    )
    for g in 0..<input.shape.groups {
      for c in 0..<input.shape.dv {
        let values = (0..<input.shape.m).map { v[g, $0, c] }
        for i in 0..<input.shape.n {
          try TestSupport.expect(
            y[g, i, c] >= values.min()! - bound[g, i, c]
              && y[g, i, c] <= values.max()! + bound[g, i, c], "output \(g), \(i), \(c)")
        }
      }
    }
  },
  Law("soft attention becomes hard as the temperature falls") { attention, draw in
    var input = draw.attention(masked: false)
    try draw.require(input.shape.m > 0)
    input.scale = .factor(1)
    let scores = attention(input).scores.matrices
    input.scale = .factor(1e6)
    let weights = attention(input).weights.matrices
    for g in 0..<input.shape.groups {
      for i in 0..<input.shape.n {
        let row = (0..<input.shape.m).map { scores[g, i, $0] }
        let best = row.max()!
        // A gap of 2⁻⁸ times 10⁶ leaves e^−3906 for the others: nothing, in Double.
        guard row.filter({ $0 > best - 0x1p-8 }).count == 1 else { continue }
        draw.cover("one key is clearly the best", true, atLeast: 0)
        let hard = row.firstIndex(of: best)!
        try TestSupport.expect(weights[g, i, hard] == 1, "query \(i) of \(g) is soft")
      }
    }
  },
]

/// Compares two results that are the same in exact arithmetic, each within its own bound.
private func expectSame(
  _ a: Tensor<Double>, _ b: Tensor<Double>, _ inputs: [AttentionCase], row: Int? = nil,
  _ what: String = "the results differ"
) throws {
  try TestSupport.expect(a.shape == b.shape, "\(what): \(a.shape) and \(b.shape)")
  let limits = inputs.enumerated().map { index, input in
    let bound = bounds(input).output
    return (row != nil && index == 0 ? bound.rows(row!..<row! + 1) : bound).storage
  }
  do {
    try ErrorGauge(
      got: a, expected: b,
      bound: Tensor(shape: a.shape, storage: zip(limits[0], limits[1]).map(+)))
  } catch { throw Disagreement(description: "\(what): \(error)") }
}

private struct Disagreement: Error, CustomStringConvertible { let description: String }

// MARK: - Inputs

extension Draw {
  fileprivate func attention(masked: Bool, leading: [Int]? = nil) -> AttentionCase {
    let leading = leading ?? [integer("g", in: 1...2)]
    let (n, m) = (size("n", upTo: 5), size("m", upTo: 7))
    let (dk, dv) = (size("dk", upTo: 5), size("dv", from: 1, upTo: 4))
    var input = AttentionCase(
      q: tensor("q", leading + [n, dk], .ordinary).converted(),
      k: tensor("k", leading + [m, dk], .ordinary).converted(),
      v: tensor("v", leading + [m, dv], .ordinary).converted())
    input.scale = element("scale", of: [.rootKeyWidth, .rootModelWidth(12), .factor(0.25)])
    if masked {
      let (mask, _) = mask(leading: leading, rows: n, columns: m)
      input.mask = mask.converted()
    }
    return input
  }

  fileprivate func bias(_ shape: AttentionShape) -> Tensor<Double> {
    tensor("bias", shape.scores, .ordinary).converted()
  }
}

extension Tensor {
  /// The rows of every matrix within a range.
  fileprivate func rows(_ range: Range<Int>) -> Tensor { rows(inOrder: Array(range)) }

  /// The rows of every matrix, picked by their indices.
  fileprivate func rows(inOrder order: [Int]) -> Tensor {
    let width = shape[rank - 1]
    let elements = (0..<leadingShape.reduce(1, *)).flatMap { g in
      order.flatMap { row in
        let start = (g * shape[rank - 2] + row) * width
        return storage[start..<start + width]
      }
    }
    return Tensor(shape: leadingShape + [order.count, width], storage: elements)
  }

  /// The rows of every matrix followed by those of another.
  fileprivate func joined(_ other: Tensor) -> Tensor {
    let (a, b) = (matrices, other.matrices)
    let elements = (0..<a.shape[0]).flatMap { a.slice($0).storage + b.slice($0).storage }
    return Tensor(
      shape: leadingShape + [a.shape[1] + b.shape[1], a.shape[2]], storage: elements)
  }
}
