import Equations
import Notation
import TestSupport

/// How a sublayer is joined to what it gets.
typealias Join =
  @Sendable (
    _ x: Tensor<Double>, _ placement: NormPlacement, _ norm: LayerNorm<Double>,
    _ sublayer: (Tensor<Double>) -> Tensor<Double>
  ) -> (sublayer: Tensor<Double>, output: Tensor<Double>)

let correctJoin: Join = { x, placement, norm, f in residual(x, placement, norm, f) }

/// The mistakes that can be made around every sublayer of a layer.
let wrongJoins: [WrongVersion<Join>] = [
  WrongVersion("is not added to its input") { x, placement, norm, f in
    switch placement {
    case .postNorm:
      let y = f(x)
      return (y, layerNorm(y, norm))
    case .preNorm:
      let y = f(layerNorm(x, norm))
      return (y, y)
    }
  },
  WrongVersion("has no norm") { x, _, _, f in
    let y = f(x)
    return (y, x + y)
  },
  WrongVersion("has its norm on the other side") { x, placement, norm, f in
    residual(x, placement == .postNorm ? .preNorm : .postNorm, norm, f)
  },
  WrongVersion("is added to its normalised input, or normalised before the sum") {
    x, placement, norm, f in
    switch placement {
    case .postNorm:
      let y = f(x)
      return (y, x + layerNorm(y, norm))
    case .preNorm:
      let entering = layerNorm(x, norm)
      let y = f(entering)
      return (y, entering + y)
    }
  },
  WrongVersion("has a norm on either side") { x, placement, norm, f in
    let y = f(layerNorm(x, norm))
    return (y, layerNorm(x + y, norm))
  },
  WrongVersion("has no gain and no bias in its norm") { x, placement, norm, f in
    residual(x, placement, LayerNorm(width: norm.width, epsilon: norm.epsilon), f)
  },
  WrongVersion("has the ε of another document") { x, placement, norm, f in
    var norm = norm
    norm.epsilon = norm.epsilon == 1e-12 ? 1e-5 : 1e-12
    return residual(x, placement, norm, f)
  },
]

/// The mistakes that can be made with the parameters of an attention.
let wrongAttentionParameters: [WrongVersion<@Sendable (inout MultiHeadAttention<Double>) -> Void>] =
  [
    WrongVersion("has a single head") { p in
      p = MultiHeadAttention(
        query: p.query, key: p.key, value: p.value, output: p.output, heads: 1)
    },
    WrongVersion("is scaled by the width of the model") { p in
      let factor = 1 / Double(p.heads).squareRoot()
      p.query.weight = p.query.weight.map { $0 * factor }
      p.query.bias = p.query.bias?.map { $0 * factor }
    },
    WrongVersion("takes keys for queries") { ($0.query, $0.key) = ($0.key, $0.query) },
    WrongVersion("takes values for keys") { ($0.key, $0.value) = ($0.value, $0.key) },
    WrongVersion("has no output map") { p in
      let d = p.output.inputs
      p.output = AffineMap(
        weight: Tensor(shape: [d, d], storage: (0..<d * d).map { $0 % (d + 1) == 0 ? 1 : 0 }))
    },
    WrongVersion("has no biases") { p in
      (p.query.bias, p.key.bias, p.value.bias, p.output.bias) = (nil, nil, nil, nil)
    },
  ]

/// The mistakes that can be made with the parameters of a feed-forward network.
let wrongNetworkParameters: [WrongVersion<@Sendable (inout FeedForward<Double>) -> Void>] = [
  WrongVersion("has ReLU for GELU and GELU for ReLU") { p in
    p.activation = p.activation == .relu ? .gelu : .relu
  },
  WrongVersion("has GELU by tanh") { if $0.activation == .gelu { $0.activation = .geluTanh } },
  WrongVersion("has no activation") { $0.activation = .identity },
  WrongVersion("has no biases") { ($0.inner.bias, $0.outer.bias) = (nil, nil) },
]

/// Throws unless two results that are one in exact arithmetic lie within both their bounds.
func expectSame(
  _ got: Tensor<Double>, _ expected: Tensor<Double>, bounds a: Tensor<Double>, _ b: Tensor<Double>,
  _ what: String = "the results"
) throws {
  do {
    try ErrorGauge(got: got, expected: expected, bound: a + b)
  } catch { throw Disagreement(description: "\(what): \(error)") }
}

private struct Disagreement: Error, CustomStringConvertible { let description: String }

extension Tensor {
  /// The rows of every matrix, picked by their indices.
  func rows(_ indices: [Int]) -> Tensor {
    let (n, width) = (shape[rank - 2], shape[rank - 1])
    var elements: [Element] = []
    for g in 0..<leadingShape.reduce(1, *) {
      for i in indices {
        let start = (g * n + i) * width
        elements += storage[start..<start + width]
      }
    }
    return Tensor(shape: leadingShape + [indices.count, width], storage: elements)
  }

  /// The columns of every matrix, picked by their indices.
  func columns(_ indices: [Int]) -> Tensor { transposed.rows(indices).transposed }

  /// The rows of every matrix followed by those of another.
  func followed(by other: Tensor) -> Tensor {
    let (a, b) = (matrices, other.matrices)
    return Tensor(
      shape: leadingShape + [a.shape[1] + b.shape[1], a.shape[2]],
      storage: (0..<a.shape[0]).flatMap { a.slice($0).storage + b.slice($0).storage })
  }

  /// The sub-tensor at `index` of the first dimension, which stays as an extent of 1.
  func keeping(_ index: Int) -> Tensor {
    slice(index).reshaped([1] + shape.dropFirst())
  }
}
