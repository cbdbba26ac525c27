import Equations
import ErrorBounds
import Notation
import TestSupport

let lossLaws: [Law<Loss>] = [
  Law("each loss is the logarithm of the row's sum of exponentials, less the label's logit") {
    loss, draw in
    var input = draw.prediction()
    input.reduction = .each
    let z = input.logits.tracked.rows
    let expected = input.labels.storage.enumerated().map { i, label -> RunningError in
      if label == input.ignored { return 0 }
      let row = z.slice(i).storage
      return RunningError.log(row.reduce(0) { $0 + RunningError.exp($1) }) - row[label]
    }
    try expectLoss(loss, input, is: Tensor(shape: input.labels.shape, storage: expected))
  },
  Law("the sum is that of the losses, and the mean the sum over the labels that count") {
    loss, draw in
    var input = draw.prediction()
    input.reduction = .each
    let losses = lossEquation(input.converted(to: RunningError.self)).storage
    let sum = losses.reduce(0, +)
    let count = input.labels.storage.filter { $0 != input.ignored }.count
    input.reduction = .sum
    try expectLoss(loss, input, is: Tensor(shape: [], storage: [sum]))
    input.reduction = .mean
    try expectLoss(
      loss, input, is: Tensor(shape: [], storage: [sum / RunningError(Double(count))]))
    draw.cover("some labels are ignored", count < losses.count, atLeast: 0.2)
    draw.cover("nothing counts", count == 0, atLeast: 0.02)
  },
  Law("what is ignored might as well not be there") { loss, draw in
    var input = draw.prediction()
    input.reduction = draw.element("reduction", of: [.sum, .mean])
    let rows = input.labels.storage.indices.filter { input.labels.storage[$0] != input.ignored }
    var rest = input
    rest.logits = input.logits.rows.rows(rows)
    rest.labels = Tensor(shape: [rows.count], storage: rows.map { input.labels.storage[$0] })
    let v = input.logits.shape.last!
    let poison = draw.element("poison", of: [.nan, .infinity, 1e300])
    for i in 0..<input.labels.count where input.labels.storage[i] == input.ignored {
      for j in 0..<v { input.logits.storage[i * v + j] = poison }
    }
    try expectEqual(loss(input), loss(rest))
  },
  Law("a constant added to a row changes nothing, however large it is") { loss, draw in
    let input = draw.prediction()
    // What is drawn are sixteenths of integers: sums with a power of two below 2⁴⁰ are exact.
    let c = draw.element("c", of: [0x1p+10, -0x1p+10, 0x1p+40, -0x1p+40])
    var moved = input
    moved.logits = input.logits.map { $0 + c }
    try expectEqual(loss(moved), loss(input))
  },
  Law("a loss is its logit's gap to the largest, and at most log v more") { loss, draw in
    var input = draw.prediction()
    input.reduction = .each
    let factor = draw.element("factor", of: [1, 1e3, 1e6])
    input.logits = input.logits.map { $0 * factor }
    let (losses, rows) = (loss(input), input.logits.rows)
    let v = Double(rows.shape[1])
    for (i, label) in input.labels.storage.enumerated() where label != input.ignored {
      let row = rows.slice(i).storage
      let gap = row.max()! - row[label]
      let bound = lossEquation(input.converted(to: RunningError.self)).storage[i].bound
      let excess = losses.storage[i] - gap
      try expect(
        excess >= -bound && excess <= Double.log(v) + bound,
        "loss \(i) is \(losses.storage[i]), the gap \(gap)")
    }
  },
  Law("no position has to do with another") { loss, draw in
    var input = draw.prediction()
    input.reduction = .each
    let losses = loss(input)
    for i in 0..<input.labels.count {
      var alone = input
      alone.logits = input.logits.rows.slice(i)
      alone.labels = Tensor(shape: [], storage: [input.labels.storage[i]])
      try expectEqual(loss(alone), Tensor(shape: [], storage: [losses.storage[i]]))
    }
  },
]

let meanLaws: [Law<Mean>] = [
  Law("by tokens it is the loss of all tokens at once") { mean, draw in
    let batches = (0..<draw.size("batches", from: 1, upTo: 4)).map { _ in
      draw.prediction(v: 5, reductions: [.mean])
    }
    // The mean losses of a batch of Float numbers need not be Floats: they carry their own error.
    let losses = batches.map { lossEquation($0.converted(to: RunningError.self)).storage[0] }
    let counts = batches.map { labelCount($0.labels, ignoring: $0.ignored) }
    let all = Prediction(
      logits: Tensor(
        shape: [batches.reduce(0) { $0 + $1.labels.count }, 5],
        storage: batches.flatMap(\.logits.storage)),
      labels: Tensor(
        shape: [batches.reduce(0) { $0 + $1.labels.count }],
        storage: batches.flatMap { batch in
          batch.labels.storage.map { $0 == batch.ignored ? -1 : $0 }
        }), ignored: -1)
    let expected = lossEquation(all.converted(to: RunningError.self)).storage[0]
    let tracked = meanEquation(
      BatchLosses(
        losses: vector(losses), counts: Tensor(shape: [counts.count], storage: counts),
        weighting: .tokens))
    let got = mean(
      BatchLosses(
        losses: vector(losses.map(\.value)),
        counts: Tensor(shape: [counts.count], storage: counts), weighting: .tokens))
    try expectNumber(got, is: expected, within: tracked.bound)
  },
  Law("by batches it is the sum of the losses over their number") { mean, draw in
    var input = draw.batches()
    input.weighting = .batches
    let sum = input.losses.tracked.storage.reduce(0, +)
    try expectNumber(mean(input), is: sum / RunningError(Double(input.losses.count)))
  },
  Law("in batches of one size tokens and batches count the same") { mean, draw in
    var input = draw.batches()
    let count = draw.integer("count", in: 1...9)
    input.counts = input.counts.map { _ in count }
    let tracked = input.converted(to: RunningError.self)
    input.weighting = .tokens
    let byTokens = mean(input)
    input.weighting = .batches
    try expectNumber(
      byTokens, is: RunningError(mean(input)),
      within: LossWeighting.allCases.reduce(0) { sum, weighting in
        var tracked = tracked
        tracked.weighting = weighting
        return sum + meanEquation(tracked).bound
      })
  },
  Law("by tokens a batch without any takes no part") { mean, draw in
    var input = draw.batches()
    input.weighting = .tokens
    var more = input
    more.losses = vector([.nan] + input.losses.storage)
    more.counts = Tensor(shape: [input.counts.count + 1], storage: [0] + input.counts.storage)
    try expectNumber(mean(more), is: RunningError(mean(input)))
  },
]

private func vector<S: Scalar>(_ numbers: [S]) -> Tensor<S> {
  Tensor(shape: [numbers.count], storage: numbers)
}

/// Throws unless a loss is the one that was computed in another way, with its error.
private func expectLoss(
  _ loss: Loss, _ input: Prediction<Double>, is expected: Tensor<RunningError>
) throws {
  try expectSame(
    loss(input), expected.map(\.value), bounds: expected.bounds,
    lossEquation(input.converted(to: RunningError.self)).bounds)
}

/// Throws unless all numbers are equal; NaN equals NaN.
private func expectEqual(_ got: Tensor<Double>, _ expected: Tensor<Double>) throws {
  try ErrorGauge(got: got, expected: expected, bound: expected.map { _ in 0 })
}

private func expectNumber(
  _ got: Double, is expected: RunningError, within bound: Double = 0
) throws {
  func single(_ x: Double) -> Tensor<Double> { Tensor(shape: [], storage: [x]) }
  try expectSame(
    single(got), single(expected.value), bounds: single(2 * expected.bound), single(bound))
}

extension Draw {
  /// Logits in sixteenths of integers, labels, and perhaps one that is ignored.
  fileprivate func prediction(
    v: Int? = nil, reductions: [LossReduction] = LossReduction.allCases
  ) -> Prediction<Double> {
    let v = v ?? size("v", from: 1, upTo: 9)
    let shape = [size("n", from: 1, upTo: 4), integer("t", in: 1...3)]
    let logits = tensor("logits", shape + [v], .ordinary).map { ($0 * 16).rounded() / 16 }
    let labels = (0..<shape[0] * shape[1]).map { _ in integer("label", in: 0...v - 1) }
    return Prediction(
      logits: logits.converted(), labels: Tensor(shape: shape, storage: labels),
      ignored: bool("ignoring") ? element("ignored", of: labels) : nil,
      reduction: element("reduction", of: reductions))
  }

  fileprivate func batches() -> BatchLosses<Double> {
    let k = size("k", from: 1, upTo: 6)
    return BatchLosses(
      losses: tensor("losses", [k], .ordinary).converted(),
      counts: Tensor(shape: [k], storage: (0..<k).map { _ in integer("count", in: 1...40) }),
      weighting: element("weighting", of: LossWeighting.allCases))
  }
}
