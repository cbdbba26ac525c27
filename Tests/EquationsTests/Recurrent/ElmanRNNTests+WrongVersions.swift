import Equations
import Notation
import TestSupport

let wrongElmanNetworks: [WrongVersion<RecurrentFunction<ElmanKind>>] =
  wrongRecurrences(of: ElmanKind.self) + [
    wrong("relu for tanh") { $0.form = .relu },
    wrong("tanh for relu") { $0.form = .tanh },
    activated("no activation") { x, _ in x },
    activated("the sigmoid for tanh") { x, form in form == .tanh ? logistic(x) : max(x, 0) },
    wrongCell("the state before is added") { step, form in
      let h = zip(ElmanKind.cell(step, form).states[0], step.states[0]).map { $0 + $1 }
      return ([h], [h])
    },
    wrongCell("the activation follows the state's map alone") { step, form in
      let past = step.past(0, step.states[0]).map { form == .tanh ? Double.tanh($0) : max($0, 0) }
      let h = zip(step.own[0], past).map { $0 + $1 }
      return ([h], [h])
    },
    wrongCell("the state that is kept is not activated") { step, form in
      (ElmanKind.cell(step, form).kept, [step.gate(0)])
    },
  ]

/// A network with something else after its maps.
private func activated(
  _ name: String, _ activation: @escaping @Sendable (Double, ElmanKind.Form) -> Double
) -> WrongVersion<RecurrentFunction<ElmanKind>> {
  wrongCell(name) { step, form in
    let h = step.gate(0).map { activation($0, form) }
    return ([h], [h])
  }
}

let wrongJacobians: [WrongVersion<ElmanJacobian>] = [
  WrongVersion("the first step's factor stands on the left") { input in
    product(of: input, order: { $0.reversed() })
  },
  WrongVersion("the last step is left out") { input in product(of: input, order: { $0.dropLast() })
  },
  WrongVersion("the first step is left out") { input in
    product(of: input, order: { Array($0.dropFirst()) })
  },
  wrongSlope("the slopes are forgotten") { _, _ in 1 },
  wrongSlope("the slope of tanh is 1 + h²") { y, form in
    form == .tanh ? 1 + y * y : y > 0 ? 1 : 0
  },
  wrongSlope("the slope of tanh is h(1 − h), the sigmoid's") { y, form in
    form == .tanh ? y * (1 - y) : y > 0 ? 1 : 0
  },
  wrongSlope("the slope of relu is 1") { y, form in form == .tanh ? 1 - y * y : 1 },
  wrongSlope("the slope of relu is that of tanh") { y, _ in 1 - y * y },
  WrongVersion("the slopes stand behind the weights") { input in
    product(of: input, factor: { slopes, u in matrixProduct(u, diagonal(slopes)) })
  },
  WrongVersion("the weights are transposed") { input in
    product(of: input, factor: { slopes, u in matrixProduct(diagonal(slopes), u.transposed) })
  },
  WrongVersion("the derivatives are transposed") { elmanJacobian($0).transposed },
  WrongVersion("the slopes are those of the states before") { input in
    let (b, h) = (input.x.shape[0], input.network.width)
    let states = ElmanKind.equation(input)["hidden"]!
    let first = (input.network.hidden ?? Tensor(shape: [b, h], repeating: 0)).reshaped([b, 1, h])
    return elmanRNNJacobian(
      hidden: first.followed(by: states.rows(Array(0..<states.shape[1] - 1))),
      ElmanKind.parameters(input.network, input.form))
  },
  WrongVersion("the first sequence's derivatives are everybody's") { input in
    let j = elmanJacobian(input)
    return Tensor(shape: j.shape, storage: (0..<j.shape[0]).flatMap { _ in j.slice(0).storage })
  },
]

/// Derivatives with another slope of the activation, as a function of what it returned.
private func wrongSlope(
  _ name: String, _ slope: @escaping @Sendable (Double, ElmanKind.Form) -> Double
) -> WrongVersion<ElmanJacobian> {
  WrongVersion(name) { product(of: $0, slope: slope) }
}

/// The product of the steps' factors, of which a function gets those of a sequence, first to last.
private func product(
  of input: RecurrentCase<Double, ElmanKind>,
  slope: (Double, ElmanKind.Form) -> Double = { y, form in
    form == .tanh ? 1 - y * y : y > 0 ? 1 : 0
  },
  factor: ([Double], Tensor<Double>) -> Tensor<Double> = { slopes, u in
    matrixProduct(diagonal(slopes), u)
  },
  order: ([Tensor<Double>]) -> [Tensor<Double>] = { $0 }
) -> Tensor<Double> {
  let (states, u) = (ElmanKind.equation(input)["hidden"]!, input.network.recurrent.weight)
  let h = input.network.width
  let products = (0..<states.shape[0]).flatMap { g in
    let factors = (0..<states.shape[1]).map { t in
      factor(states.slice(g).slice(t).storage.map { slope($0, input.form) }, u)
    }
    let identity = diagonal(Array(repeating: 1, count: h))
    return order(factors).reduce(identity) { matrixProduct($1, $0) }.storage
  }
  return Tensor(shape: [states.shape[0], h, h], storage: products)
}

private func diagonal(_ numbers: [Double]) -> Tensor<Double> {
  let n = numbers.count
  return Tensor(
    shape: [n, n], storage: (0..<n * n).map { $0 / n == $0 % n ? numbers[$0 / n] : 0 })
}
