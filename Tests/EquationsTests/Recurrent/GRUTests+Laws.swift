import Equations
import ErrorBounds
import Notation
import TestSupport

let gruLaws: [Law<RecurrentFunction<GRUKind>>] =
  recurrentLaws(of: GRUKind.self) + [
    Law("gates lie between 0 and 1, and the candidate between −1 and 1") { network, draw in
      let input: RecurrentCase<Double, GRUKind> = draw.recurrentCase()
      let results = network(input)
      for name in ["reset", "update"] {
        try expect(
          (results[name]?.storage ?? []).allSatisfy { 0...1 ~= $0 }, "\(name) lies outside")
      }
      try expect(
        (results["candidate"]?.storage ?? []).allSatisfy { -1...1 ~= $0 },
        "the candidate lies outside")
    },
    Law("the state lies between the state before and the candidate") { network, draw in
      var input: RecurrentCase<Double, GRUKind> = draw.recurrentCase()
      (input.reverse, input.lengths, input.direction) = (nil, nil, .forward)
      let (b, t, h) = (input.x.shape[0], input.x.shape[1], input.network.width)
      let results = network(input)
      let first = input.network.hidden ?? Tensor(shape: [b, h], repeating: 0)
      for g in 0..<b {
        for j in 0..<h {
          for at in 0..<t {
            let before = at == 0 ? first[g, j] : results["hidden"]![g, at - 1, j]
            let (n, y) = (results["candidate"]![g, at, j], results["hidden"]![g, at, j])
            // Two products and a sum, rounded.
            let slack = 0x1p-51 * max(abs(before), abs(n))
            try expect(
              min(before, n) - slack <= y && y <= max(before, n) + slack,
              "\(y) is not between \(before) and \(n)")
          }
        }
      }
    },
    Law("an update gate that keeps everything leaves the state as it is") { network, draw in
      var input: RecurrentCase<Double, GRUKind> = draw.recurrentCase()
      input.reverse = nil
      let keeps = input.form == .resetBeforeUpdateSwapped ? -1000.0 : 1000
      input.network = input.network.held(1, at: keeps)
      let b = input.x.shape[0]
      let first = input.network.hidden ?? Tensor(shape: [b, input.network.width], repeating: 0)
      try expect(network(input)["last"] == first, "the state has changed")
    },
    Law("with the reset gate held open it does not matter where it stands") { network, draw in
      var after: RecurrentCase<Double, GRUKind> = draw.recurrentCase()
      after.form = .resetAfter
      after.network = after.network.held(0, at: 1000)
      after.reverse = after.reverse?.held(0, at: 1000)
      var before = after
      before.form = .resetBefore
      try expect(network(before) == network(after), "the results have other bits")
    },
    Law("the update gate exchanged is the update gate of the negated maps") { network, draw in
      var swapped: RecurrentCase<Double, GRUKind> = draw.recurrentCase()
      (swapped.form, swapped.reverse) = (.resetBeforeUpdateSwapped, nil)
      var negated = swapped
      negated.form = .resetBefore
      negated.network.input = swapped.network.input.negated(1, of: 3)
      negated.network.recurrent = swapped.network.recurrent.negated(1, of: 3)
      func bounds(_ input: RecurrentCase<Double, GRUKind>) -> Tensor<Double> {
        GRUKind.equation(input.converted(to: RunningError.self))["hidden"]!.bounds
      }
      try expectSame(
        network(negated)["hidden"]!, network(swapped)["hidden"]!, bounds: bounds(negated),
        bounds(swapped))
    },
  ]

extension AffineMap<Double> {
  /// The same map with one of its gates negated.
  fileprivate func negated(_ gate: Int, of count: Int) -> AffineMap {
    let h = outputs / count
    func sign(_ row: Int) -> Double { row / h == gate ? -1 : 1 }
    return AffineMap(
      weight: Tensor(
        shape: weight.shape,
        storage: weight.storage.indices.map { sign($0 / inputs) * weight.storage[$0] }),
      bias: bias.map { b in Tensor(shape: b.shape, storage: (0..<b.count).map { sign($0) * b[$0] })
      }
    )
  }
}
