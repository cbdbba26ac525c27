import Equations
import ErrorBounds
import Foundation
import Notation
import Specification
import TestSupport
import Testing

private typealias Activate = @Sendable (Tensor<Double>, Activation) -> Tensor<Double>

private let correct: Activate = { activate($0, $1) }

@Suite("Activations")
struct ActivationsTests {
  @Test("activations agree with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(correct, with: vector) }

  @Test("activations in Float agree with the golden vectors", arguments: try vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let x = try vector.input("x")!.converted(to: Float.self)
    try vector.check(["output": activate(x, activation(of: vector)).converted()], unit: 0x1p-24)
  }

  @Test("the laws of activations hold", arguments: laws)
  fileprivate func law(_ law: Law<Activate>) throws { try law.hold(for: correct) }

  @Test("every wrong activation is rejected", arguments: wrongVersions)
  fileprivate func wrong(_ version: WrongVersion<Activate>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: laws)
  }

  @Test("all activations differ on one vector")
  func activationsDiffer() throws {
    let vector = try #require(try vectors.first { $0.id == "gelu-generic" })
    let x = try #require(try vector.input("x"))
    #expect(Set(Activation.allCases.map { activate(x, $0) }).count == Activation.allCases.count)
  }

  @Test("the two GELUs differ by less than 5e-4 everywhere, by more than 4e-4 somewhere")
  func twoGELUs() {
    // Both have f(x) − f(−x) = x, so that their difference is the same for −x. From 8 on both lie
    // between x − 1e-13 and x. Slopes lie between −1/4 and 5/4, so that between two points of the grid
    // the difference is at most 3/2 of half a step away from that of the nearer one.
    let step = 0x1p-16
    let x = Tensor(shape: [8 << 16], storage: (0..<8 << 16).map { Double($0) * step })
    let largest = zip(activate(x, .gelu).storage, activate(x, .geluTanh).storage)
      .map { abs($0 - $1) }.max()!
    #expect(largest > 4e-4)
    #expect(largest + 1.5 * step / 2 < 5e-4)
  }
}

private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "activate") } }

private func activation(of vector: GoldenCase) -> Activation {
  Activation.allCases.first { "\($0)" == vector.attributes.string("activation") }!
}

private func compare(_ activate: Activate, with vector: GoldenCase) throws {
  try vector.check(["output": activate(try vector.input("x")!, activation(of: vector))])
}

// MARK: - Laws

private let laws: [Law<Activate>] = [
  Law("every activation is its definition") { activate, draw in
    let (x, activation) = (draw.arguments(), draw.activation())
    let tracked = x.tracked
    let expected = tracked.map { asDefined($0, activation) }
    try ErrorGauge(
      got: activate(x, activation), expected: expected.map(\.value),
      bound: expected.bounds + Equations.activate(tracked, activation).bounds)
  },
  Law("the slope of every activation is its derivative") { activate, draw in
    let (x, activation) = (draw.arguments(), draw.activation())
    // About the cube root of u is best. Arguments are multiples of 2⁻²⁰, so that x ± step is exact.
    let step = 0x1p-17
    func outputs(_ shift: Double) -> (values: Tensor<Double>, bounds: Tensor<Double>) {
      let moved = x.map { $0 + shift }
      return (activate(moved, activation), Equations.activate(moved.tracked, activation).bounds)
    }
    let (above, below) = (outputs(step), outputs(-step))
    for i in x.storage.indices where activation != .relu || abs(x[i]) > step {
      let slope = (above.values[i] - below.values[i]) / (2 * step)
      // No third derivative is larger than 2, that of tanh at 0.
      let allowed = (above.bounds[i] + below.bounds[i]) / (2 * step) + 2 * step * step / 6 + 0x1p-50
      let expected = derivative(x[i], activation)
      try expect(abs(slope - expected) <= allowed, "at \(x[i]) \(slope), not \(expected)")
    }
  },
  Law("f(x) and f(−x) have a sum or a difference that is known") { activate, draw in
    let (x, activation) = (draw.arguments(), draw.activation())
    let minusX = x.map { -$0 }
    let (f, g) = (activate(x, activation), activate(minusX, activation))
    let bound =
      Equations.activate(x.tracked, activation).bounds
      + Equations.activate(minusX.tracked, activation).bounds
    for i in x.storage.indices {
      let error =
        switch activation {
        case .identity, .tanh: f[i] + g[i]
        case .relu, .gelu, .geluTanh: (f[i] - g[i]) - x[i]
        case .sigmoid: (f[i] + g[i]) - 1
        }
      // The sum itself is rounded, too: no term is larger than 8.
      try expect(abs(error) <= bound[i] + 0x1p-49, "at \(x[i]) it is off by \(error)")
    }
  },
  Law("tanh x is 2σ(2x) − 1") { activate, draw in
    let x = draw.arguments()
    let sigma = Equations.activate(x.tracked.map { 2 * $0 }, .sigmoid).map { 2 * $0 - 1 }
    let doubled = activate(x.map { 2 * $0 }, .sigmoid)
    try ErrorGauge(
      got: doubled.map { 2 * $0 - 1 }, expected: activate(x, .tanh),
      bound: sigma.bounds + Equations.activate(x.tracked, .tanh).bounds)
  },
  Law("far from 0 every activation is what it tends to") { activate, draw in
    let exponent = draw.integer("exponent", in: 6...1023)
    let x = scalbn(1 + Double(draw.integer("fraction", in: 0...15)) / 16, exponent)
    let y = Activation.allCases.map { activate(Tensor(shape: [2], storage: [x, -x]), $0) }
    for (activation, y) in zip(Activation.allCases, y) {
      let (above, below): (Double, Double) =
        switch activation {
        case .identity: (x, -x)
        case .relu, .gelu, .geluTanh: (x, 0)
        case .sigmoid: (1, 0)
        case .tanh: (1, -1)
        }
      // From 64 on what is left of σ is below e^−64 < 2⁻⁹², of the others less.
      try expect(
        y[0] == above && abs(y[1] - below) <= 0x1p-92, "\(activation) is \(y.storage) at ±\(x)")
    }
  },
  Law("NaN stays NaN, and infinities become what the formula makes of them") { activate, draw in
    let ends = Tensor<Double>(shape: [3], storage: [.nan, .infinity, -.infinity])
    let activation = draw.activation()
    let expected: [Double] =
      switch activation {
      case .identity: [.nan, .infinity, -.infinity]
      case .relu: [.nan, .infinity, 0]
      case .gelu, .geluTanh: [.nan, .infinity, .nan]
      case .sigmoid: [.nan, 1, 0]
      case .tanh: [.nan, 1, -1]
      }
    try ErrorGauge(
      got: activate(ends, activation), expected: Tensor(shape: [3], storage: expected),
      bound: ends.map { _ in 0 })
  },
]

/// The definitions as textbooks have them.
private func asDefined<S: Scalar>(_ x: S, _ activation: Activation) -> S {
  switch activation {
  case .identity: x
  case .relu: x > 0 ? x : 0
  // 1 + erf z = 2 − erfc z
  case .gelu: x / 2 * (2 - S.erfc(x / S.sqrt(2)))
  case .geluTanh: x / 2 * (1 + S.tanh(S.sqrt(S(2 / Double.pi)) * (x + 0.044715 * (x * x * x))))
  case .sigmoid: 1 / (1 + S.exp(-x))
  case .tanh: (S.exp(x) - S.exp(-x)) / (S.exp(x) + S.exp(-x))
  }
}

private func derivative(_ x: Double, _ activation: Activation) -> Double {
  func sigma(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
  switch activation {
  case .identity: return 1
  case .relu: return x > 0 ? 1 : 0
  case .gelu:  // Φ(x) + x φ(x)
    return erfc(-x / 2.0.squareRoot()) / 2 + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
  case .geluTanh:
    let root = (2 / Double.pi).squareRoot()
    let t = tanh(root * (x + 0.044715 * x * x * x))
    return (1 + t) / 2 + x / 2 * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x)
  case .sigmoid: return sigma(x) * (1 - sigma(x))
  case .tanh: return 1 - tanh(x) * tanh(x)
  }
}

extension Draw {
  fileprivate func arguments() -> Tensor<Double> {
    tensor("x", [size("n", from: 1, upTo: 9)], .ordinary).converted()
  }

  fileprivate func activation() -> Activation { element("activation", of: Activation.allCases) }
}

// MARK: - Wrong versions

private let wrongVersions: [WrongVersion<Activate>] = [
  wrong("GELU by tanh for GELU", .gelu) { activated($0, .geluTanh) },
  wrong("GELU for GELU by tanh", .geluTanh) { activated($0, .gelu) },
  wrong("x σ(1.702 x) for GELU", .gelu) { $0 / (1 + exp(-1.702 * $0)) },
  wrong("x σ(x) for GELU", .gelu) { $0 / (1 + exp(-$0)) },
  wrong("ReLU for GELU", .gelu) { max($0, 0) },
  wrong("GELU without the root of 2", .gelu) { $0 / 2 * erfc(-$0) },
  wrong("GELU without its half", .gelu) { $0 * erfc(-$0 / 2.0.squareRoot()) },
  wrong("Φ(x), not x Φ(x)", .gelu) { erfc(-$0 / 2.0.squareRoot()) / 2 },
  wrong("GELU of −∞ is 0", .gelu) {
    $0 == -.infinity ? 0 : $0 / 2 * erfc(-$0 / 2.0.squareRoot())
  },
  wrongTanhGELU("GELU by tanh without the cube") { x in x },
  wrongTanhGELU("GELU by tanh with a square") { x in x + 0.044715 * x * x },
  wrongTanhGELU("GELU by tanh with one digit less") { x in x + 0.04471 * x * x * x },
  wrongTanhGELU("GELU by tanh with √2/π for √(2/π)") { x in
    (x + 0.044715 * x * x * x) / Double.pi.squareRoot()
  },
  wrongTanhGELU("GELU by tanh with σ(u) for σ(2u)") { x in (x + 0.044715 * x * x * x) / 2 },
  wrong("ReLU makes 0 of NaN", .relu) { $0 > 0 ? $0 : 0 },
  wrong("ReLU keeps a hundredth of negative numbers", .relu) { $0 < 0 ? $0 / 100 : $0 },
  wrong("ReLU of −x", .relu) { $0 > 0 ? 0 : -$0 },
  wrong("ReLU cut off at 6", .relu) { $0.isNaN ? $0 : min(max($0, 0), 6) },
  wrong("the size for ReLU", .relu) { abs($0) },
  wrong("the other sign in σ", .sigmoid) { 1 / (1 + exp($0)) },
  wrong("σ by an exponential that overflows", .sigmoid) { exp($0) / (1 + exp($0)) },
  wrong("tanh for σ", .sigmoid) { tanh($0) },
  wrong("σ by straight lines", .sigmoid) { $0.isNaN ? $0 : min(max($0 / 6 + 0.5, 0), 1) },
  wrong("σ for tanh", .tanh) { activated($0, .sigmoid) },
  wrong("tanh of half of x", .tanh) { tanh($0 / 2) },
  wrong("tanh by an exponential that overflows", .tanh) { (exp(2 * $0) - 1) / (exp(2 * $0) + 1) },
  wrong("no activation is ReLU", .identity) { $0 < 0 ? 0 : $0 },
]

private func activated(_ x: Double, _ activation: Activation) -> Double {
  activate(Tensor(shape: [], storage: [x]), activation).storage[0]
}

/// The correct activations with another function for one of them.
private func wrong(
  _ name: String, _ changed: Activation, _ function: @escaping @Sendable (Double) -> Double
) -> WrongVersion<Activate> {
  WrongVersion(name) { x, activation in
    activation == changed ? x.map(function) : correct(x, activation)
  }
}

/// GELU by tanh with another argument, which is still to be multiplied by √(2/π).
private func wrongTanhGELU(
  _ name: String, _ argument: @escaping @Sendable (Double) -> Double
) -> WrongVersion<Activate> {
  wrong(name, .geluTanh) { $0 / (1 + exp(-2 * (2 / Double.pi).squareRoot() * argument($0))) }
}
