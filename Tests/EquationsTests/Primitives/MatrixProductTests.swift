import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

private typealias Product = @Sendable (Tensor<Double>, Tensor<Double>) -> Tensor<Double>
private typealias Affine =
  @Sendable (Tensor<Double>, AffineMap<Double>, Activation) -> Tensor<Double>

@Suite("Matrix product")
struct MatrixProductTests {
  @Test("the matrix product agrees with the golden vectors", arguments: try products)
  func goldenProduct(_ vector: GoldenCase) throws { try compare(product, with: vector) }

  @Test("the affine map agrees with the golden vectors", arguments: try affineMaps)
  func goldenAffineMap(_ vector: GoldenCase) throws { try compare(affine, with: vector) }

  @Test("the laws of the matrix product hold", arguments: productLaws)
  fileprivate func productLaw(_ law: Law<Product>) throws { try law.hold(for: product) }

  @Test("the laws of the affine map hold", arguments: affineLaws)
  fileprivate func affineLaw(_ law: Law<Affine>) throws { try law.hold(for: affine) }

  @Test("every wrong matrix product is rejected", arguments: wrongProducts)
  fileprivate func wrongProduct(_ version: WrongVersion<Product>) throws {
    version.expectRejection(by: try products, comparedBy: compare, and: productLaws)
  }

  @Test("every wrong affine map is rejected", arguments: wrongAffineMaps)
  fileprivate func wrongAffineMap(_ version: WrongVersion<Affine>) throws {
    version.expectRejection(by: try affineMaps, comparedBy: compare, and: affineLaws)
  }

  @Test("a weight stored inputs × outputs is the transpose of one stored outputs × inputs")
  func weightLayouts() {
    let weight: Tensor<Double> = [[1, 2, 3], [4, 5, 6]]
    #expect(AffineMap(inputsByOutputs: weight.transposed).weight == weight)
  }

  @Test("operands that do not fit stop the program with a sentence")
  func shapes() async throws {
    let product = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let a: Tensor<Double> = [[1, 2, 3]]
      _ = matrixProduct(a, a)
    }
    expectSentence("b must be 3 × m: got 1 × 3, a is 1 × 3", from: product)
    let affine = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x: Tensor<Double> = [[1, 2, 3]]
      _ = affineMap(x, AffineMap(weight: [[1, 2]]))
    }
    expectSentence("x must be … × 2: got 1 × 3, the weight is 1 × 2", from: affine)
  }
}

private var products: [GoldenCase] {
  get throws { try GoldenCase.all(of: "matrixProduct") }
}

private var affineMaps: [GoldenCase] {
  get throws { try GoldenCase.all(of: "affineMap") }
}

private let product: Product = { matrixProduct($0, $1) }
private let affine: Affine = { affineMap($0, $1, activation: $2) }

private func compare(_ product: Product, with vector: GoldenCase) throws {
  let (a, b) = (try vector.input("a")!, try vector.input("b")!)
  try ErrorGauge(
    got: product(a, b), expected: try vector.expected("output")!,
    bound: matrixProductBound(a.finite, b.finite, in: .equationInDouble))
}

private func compare(_ affine: Affine, with vector: GoldenCase) throws {
  let x = try vector.input("x")!
  let map = AffineMap(weight: try vector.input("weight")!, bias: try vector.input("bias"))
  let isRelu = vector.attributes.string(needed: "activation") == "relu"
  let activation: Activation = isRelu ? .relu : .identity
  let finite = AffineMap(weight: map.weight.finite, bias: map.bias?.finite)
  try ErrorGauge(
    got: affine(x, map, activation), expected: try vector.expected("output")!,
    bound: affineMapBound(x.finite, finite, in: .equationInDouble))
}

// MARK: - Laws

private let productLaws: [Law<Product>] = [
  Law("an element is the sum of products of a row and a column") { product, draw in
    let (a, b) = draw.operands()
    let c = product(a, b).matrices
    let (rows, columns) = (a.matrices, b.matrices)
    let bound = matrixProductBound(a, b, in: .equationInDouble).matrices
    for g in 0..<c.shape[0] {
      for i in 0..<c.shape[1] {
        for j in 0..<c.shape[2] {
          let sum = (0..<rows.shape[2]).reduce(0) { $0 + rows[g, i, $1] * columns[g, $1, j] }
          try expect(!(abs(c[g, i, j] - sum) > 2 * bound[g, i, j]), "element \(g), \(i), \(j)")
        }
      }
    }
  },
  Law("the transpose of a product is the product of the transposes, exchanged") { product, draw in
    let (a, b) = draw.operands()
    try expect(
      product(b.transposed, a.transposed) == product(a, b).transposed, "the bits differ")
  },
]

private let affineLaws: [Law<Affine>] = [
  Law("an output is the bias and the sum of inputs times weights, activated") { affine, draw in
    let (x, map) = draw.affineMap()
    let activation = draw.element("activation", of: [Activation.identity, .relu])
    let y = affine(x, map, activation)
    let bound = affineMapBound(x, map, in: .equationInDouble)
    try expect(y.shape == [x.shape[0], map.outputs], "the shape is \(y.shape)")
    for i in 0..<y.shape[0] {
      for j in 0..<map.outputs {
        let sum = (0..<map.inputs).reduce(map.bias?[j] ?? 0) { $0 + x[i, $1] * map.weight[j, $1] }
        let expected = activation == .relu ? max(sum, 0) : sum
        try expect(!(abs(y[i, j] - expected) > 2 * bound[i, j]), "output \(i), \(j)")
      }
    }
  }
]

extension Draw {
  fileprivate func operands() -> (Tensor<Double>, Tensor<Double>) {
    let leading = [integer("g", in: 1...2)]
    let (n, k, m) = (size("n", upTo: 5), size("k", upTo: 9), size("m", upTo: 5))
    return (
      tensor("a", leading + [n, k], .ordinary).converted(),
      tensor("b", leading + [k, m], .ordinary).converted()
    )
  }

  fileprivate func affineMap() -> (Tensor<Double>, AffineMap<Double>) {
    let (n, inputs) = (size("n", upTo: 5), size("inputs", upTo: 5))
    let outputs = bool("square") ? inputs : size("outputs", upTo: 5)
    let x = tensor("x", [n, inputs], .ordinary).converted(to: Double.self)
    let weight = tensor("weight", [outputs, inputs], .ordinary).converted(to: Double.self)
    let bias: Tensor<Double>? =
      bool("biased") ? tensor("bias", [outputs], .ordinary).converted() : nil
    return (x, AffineMap(weight: weight, bias: bias))
  }
}

// MARK: - Wrong versions

private let wrongProducts: [WrongVersion<Product>] = [
  WrongVersion("the left operand is transposed where it is square") { a, b in
    let isSquare = a.shape[a.rank - 1] == a.shape[a.rank - 2]
    return matrixProduct(isSquare ? a.transposed : a, b)
  },
  WrongVersion("the right operand is transposed where it is square") { a, b in
    let isSquare = b.shape[b.rank - 1] == b.shape[b.rank - 2]
    return matrixProduct(a, isSquare ? b.transposed : b)
  },
  WrongVersion("the last step of the inner dimension is dropped") { a, b in
    let k = a.shape[a.rank - 1]
    var x = a.rows
    if k > 0 { for i in 0..<x.shape[0] { x[i, k - 1] = 0 } }
    return matrixProduct(x.reshaped(a.shape), b)
  },
  WrongVersion("the first right operand is used for the whole stack") { a, b in
    let b3 = b.matrices
    guard b3.shape[0] > 1 else { return matrixProduct(a, b) }
    let first = b3.slice(0)
    let repeated = Tensor(
      shape: b3.shape, storage: Array((0..<b3.shape[0]).map { _ in first.storage }.joined()))
    return matrixProduct(a, repeated.reshaped(b.shape))
  },
  WrongVersion("the result holds its transpose") { a, b in
    let c = matrixProduct(a, b)
    return c.transposed.reshaped(c.shape)
  },
  WrongVersion("products are accumulated in Float") { a, b in
    matrixProduct(a.converted(to: Float.self), b.converted(to: Float.self)).converted()
  },
]

private let wrongAffineMaps: [WrongVersion<Affine>] = [
  WrongVersion("the weight is used as inputs × outputs where it is square") { x, map, activation in
    guard map.inputs == map.outputs else { return affineMap(x, map, activation: activation) }
    return affineMap(
      x, AffineMap(weight: map.weight.transposed, bias: map.bias), activation: activation)
  },
  WrongVersion("the bias is forgotten") { x, map, activation in
    affineMap(x, AffineMap(weight: map.weight), activation: activation)
  },
  WrongVersion("the bias is added twice") { x, map, activation in
    affineMap(
      x, AffineMap(weight: map.weight, bias: map.bias?.map { 2 * $0 }), activation: activation)
  },
  WrongVersion("the bias is added along the rows") { x, map, activation in
    guard let bias = map.bias, map.outputs > 0 else {
      return affineMap(x, map, activation: activation)
    }
    var y = affineMap(x, AffineMap(weight: map.weight)).rows
    for i in 0..<y.shape[0] {
      for j in 0..<y.shape[1] { y[i, j] += bias[i % map.outputs] }
    }
    return activated(y, activation).reshaped(Array(x.shape.dropLast()) + [map.outputs])
  },
  WrongVersion("the activation comes before the bias") { x, map, activation in
    var y = affineMap(x, AffineMap(weight: map.weight), activation: activation).rows
    for i in 0..<y.shape[0] {
      for j in 0..<y.shape[1] { y[i, j] += map.bias?[j] ?? 0 }
    }
    return y.reshaped(Array(x.shape.dropLast()) + [map.outputs])
  },
  WrongVersion("the activation is left out") { x, map, _ in affineMap(x, map) },
  WrongVersion("the activation is the absolute value") { x, map, activation in
    let y = affineMap(x, map)
    return activation == .relu ? y.map(abs) : y
  },
]

private func activated(_ y: Tensor<Double>, _ activation: Activation) -> Tensor<Double> {
  activation == .relu ? y.map { max($0, 0) } : y
}
