import Equations
import ErrorBounds
import Notation
import TestSupport

let elmanLaws: [Law<RecurrentFunction<ElmanKind>>] =
  recurrentLaws(of: ElmanKind.self) + [
    Law("states lie between −1 and 1 under tanh, and nowhere below 0 under relu") { network, draw in
      let input: RecurrentCase<Double, ElmanKind> = draw.recurrentCase()
      let hidden = network(input)["hidden"]!.storage
      try expect(
        hidden.allSatisfy { input.form == .tanh ? abs($0) <= 1 : $0 >= 0 }, "a state lies outside")
    }
  ]

let jacobianLaws: [Law<ElmanJacobian>] = [
  Law("the derivatives are slopes times weights, the last step's on the left") { jacobian, draw in
    let input = draw.forwardCase()
    let tracked = input.converted(to: RunningError.self)
    let p = ElmanKind.parameters(tracked.network, tracked.form)
    let hidden = ElmanKind.equation(tracked)["hidden"]!
    let expected = product(of: hidden, p)
    try expectSame(
      jacobian(input), expected.map(\.value),
      bounds: elmanRNNJacobian(hidden: hidden, p).bounds, expected.bounds)
  },
  Law("the derivatives are what central differences of the last state come to") { jacobian, draw in
    let input = draw.forwardCase()
    guard input.form == .tanh else { return }
    let (got, b, h) = (jacobian(input), input.x.shape[0], input.network.width)
    let first = input.network.hidden ?? Tensor(shape: [b, h], repeating: 0)
    let rounding = ElmanKind.equation(input.converted(to: RunningError.self))["last"]!.bounds
    for j in 0..<h {
      func slopes(_ step: Double) -> Tensor<Double> {
        let ends = [step, -step].map { shift in
          var moved = input
          moved.network.hidden = first
          for g in 0..<b { moved.network.hidden![g, j] += shift }
          return ElmanKind.equation(moved)["last"]!
        }
        return (ends[0] + ends[1].map { -$0 }).map { $0 / (2 * step) }
      }
      let (near, far) = (slopes(0x1p-13), slopes(0x1p-12))
      for g in 0..<b {
        for i in 0..<h {
          // Twice the step makes four times the error, of which the difference is three parts.
          let bound = abs(far[g, i] - near[g, i]) + rounding[g, i] * 0x1p15
          try expect(
            abs(near[g, i] - got[g, i, j]) <= bound,
            "∂h\(i)/∂h\(j) is \(got[g, i, j]), differences give \(near[g, i])")
        }
      }
    }
  },
]

/// diag(s_t) U ⋯ diag(s_1) U, each number a sum over all paths of the states before.
private func product<S: Scalar>(of hidden: Tensor<S>, _ p: ElmanRNN<S>) -> Tensor<S> {
  let (b, t, h) = (hidden.shape[0], hidden.shape[1], p.gate.width)
  func path(_ g: Int, _ step: Int, _ i: Int, _ j: Int) -> S {
    if step < 0 { return i == j ? 1 : 0 }
    let y = hidden[g, step, i]
    let slope: S = p.activation == .tanh ? 1 - y * y : y > 0 ? 1 : 0
    return (0..<h).reduce(0) { sum, k in
      sum + slope * p.gate.recurrent.weight[i, k] * path(g, step - 1, k, j)
    }
  }
  return Tensor(
    shape: [b, h, h],
    storage: (0..<b * h * h).map { path($0 / (h * h), t - 1, $0 / h % h, $0 % h) })
}

extension Draw {
  /// A network that reads all of every sequence forwards.
  fileprivate func forwardCase() -> RecurrentCase<Double, ElmanKind> {
    var input: RecurrentCase<Double, ElmanKind> = recurrentCase()
    (input.reverse, input.lengths, input.direction) = (nil, nil, .forward)
    return input
  }
}
