import Equations
import ErrorBounds
import Notation
import Specification
import TestSupport
import Testing

/// A convolution and what it is applied to.
struct Convolved<S: Scalar>: Sendable {
  var x: Tensor<S>
  var p: Convolution<S>

  func converted<T: Scalar>(to type: T.Type = T.self) -> Convolved<T> {
    Convolved<T>(x: x.converted(), p: p.converted())
  }
}

typealias Convolving = @Sendable (Convolved<Double>) -> Tensor<Double>
typealias Field = @Sendable ([Convolution<Double>]) -> Int

func correctConvolution<S: Scalar>(_ input: Convolved<S>) -> Tensor<S> {
  convolution(input.x, input.p)
}

@Suite("Convolution")
struct ConvolutionTests {
  @Test("the convolution agrees with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(correctConvolution, with: vector) }

  @Test("the convolution in Float agrees with the golden vectors", arguments: try vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let output = correctConvolution(try vector.convolved.converted(to: Float.self))
    try vector.check(["output": output.converted()], unit: 0x1p-24)
  }

  @Test("the receptive field agrees with the golden vectors", arguments: try fieldVectors)
  func goldenField(_ vector: GoldenCase) throws {
    try compareField({ receptiveField(of: $0) }, with: vector)
  }

  @Test("the laws of the convolution hold", arguments: convolutionLaws)
  func law(_ law: Law<Convolving>) throws { try law.hold(for: correctConvolution) }

  @Test("the laws of the receptive field hold", arguments: fieldLaws)
  func fieldLaw(_ law: Law<Field>) throws { try law.hold(for: { receptiveField(of: $0) }) }

  @Test("every wrong convolution is rejected", arguments: wrongConvolutions)
  func wrong(_ version: WrongVersion<Convolving>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: convolutionLaws)
  }

  @Test("every wrong receptive field is rejected", arguments: wrongFields)
  func wrongField(_ version: WrongVersion<Field>) throws {
    version.expectRejection(by: try fieldVectors, comparedBy: compareField, and: fieldLaws)
  }

  @Test("the paddings make different convolutions")
  func paddingsDiffer() throws {
    let input = try #require(try vectors.first { $0.id == "same-even" }).convolved
    let paddings: [ConvolutionPadding] = [
      .none, .causal, .same, .zeros(left: 2, right: 1), .zeros(left: 0, right: 3),
    ]
    let outputs = paddings.map { correctConvolution(Convolved(x: input.x, p: input.p.with($0))) }
    #expect(Set(outputs).count == paddings.count)
  }

  @Test("turned around, positions give other results to a kernel of 3 and the same to one of 1")
  func order() throws {
    var stream = RandomStream(seed: 60)
    let x = Tensor<Double>.normal([9, 4], from: &stream)
    func difference(kernel k: Int) -> Double {
      let p = Convolution(weight: Tensor<Double>.normal([5, 4, k], from: &stream))
      let turned = convolution(x.turned, p).turned
      return zip(convolution(x, p).storage, turned.storage).map { abs($0 - $1) }.max()!
    }
    #expect(difference(kernel: 3) >= 0.1)
    #expect(difference(kernel: 1) == 0)
  }

  @Test("parameters that make no convolution stop the program with a sentence")
  func parameters() async {
    let rank = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Convolution<Double>(weight: [[1, 2]]) }
    expectSentence(
      "a convolution's weight must be outputs × inputs × k with k ≥ 1: got 1 × 2", from: rank)
    let empty = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Convolution<Double>(weight: [[[]]]) }
    expectSentence(
      "a convolution's weight must be outputs × inputs × k with k ≥ 1: got 1 × 1 × 0", from: empty)
    let bias = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Convolution<Double>(weight: [[[1, 2]]], bias: [1, 2]) }
    expectSentence("a bias must have 1 elements, one for each output: got 2", from: bias)
    let stride = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Convolution<Double>(weight: [[[1, 2]]], stride: 0) }
    expectSentence("stride and dilation must be 1 at least: got 0 and 1", from: stride)
    let dilation = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Convolution<Double>(weight: [[[1, 2]]], dilation: -1) }
    expectSentence("stride and dilation must be 1 at least: got 1 and -1", from: dilation)
    let padding = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = Convolution<Double>(weight: [[[1, 2]]], padding: .zeros(left: 1, right: -1)) }
    expectSentence("no padding may be negative: got 1 and -1", from: padding)
  }

  @Test("operands that do not fit stop the program with a sentence")
  func operands() async {
    let width = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = convolution([[1, 2]], Convolution<Double>(weight: [[[1]]])) }
    expectSentence("x must be … × t × 1: got 1 × 2, the weight is 1 × 1 × 1", from: width)
    let rank = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = convolution([1], Convolution<Double>(weight: [[[1]]])) }
    expectSentence("x must be … × t × 1: got 1, the weight is 1 × 1 × 1", from: rank)
    let short = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let p = Convolution<Double>(
        weight: [[[1, 2, 3]]], dilation: 2, padding: .zeros(left: 1, right: 0))
      _ = convolution([[1], [2], [3]], p)
    }
    expectSentence(
      "a kernel that spans 5 positions needs as many: got 3 and 1 of padding", from: short)
  }
}

private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "convolution") } }
private var fieldVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "receptiveField") } }

private func compare(_ convolve: Convolving, with vector: GoldenCase) throws {
  try vector.check(["output": convolve(try vector.convolved)])
}

private func compareField(_ field: Field, with vector: GoldenCase) throws {
  let extents = try ["kernels", "strides", "dilations"].map { try vector.integers($0)!.storage }
  let layers = extents[0].indices.map {
    Convolution<Double>(kernel: extents[0][$0], stride: extents[1][$0], dilation: extents[2][$0])
  }
  let got = Tensor(shape: [], storage: [field(layers)])
  try expect(got == vector.expectedIntegers("output"), "the receptive field is \(got)")
}

extension GoldenCase {
  fileprivate var convolved: Convolved<Double> {
    get throws {
      let zeros = attributes.variant(needed: "padding")
      let padding: ConvolutionPadding =
        switch zeros.string(needed: "kind") {
        case "causal": .causal
        case "same": .same
        default: .zeros(left: zeros.integer(needed: "left"), right: zeros.integer(needed: "right"))
        }
      return Convolved(
        x: try input("x")!,
        p: Convolution(
          weight: try input("weight")!, bias: try input("bias"),
          stride: attributes.integer(needed: "stride"),
          dilation: attributes.integer(needed: "dilation"),
          padding: padding))
    }
  }
}

extension Convolution<Double> {
  /// One output of one input: only its extents matter.
  init(kernel k: Int, stride: Int = 1, dilation: Int = 1) {
    self.init(
      weight: Tensor(shape: [1, 1, k], repeating: 1), stride: stride, dilation: dilation)
  }

  /// The same kernel with other zeros around the sequence.
  func with(_ padding: ConvolutionPadding) -> Convolution {
    Convolution(
      weight: weight, bias: bias, stride: stride, dilation: dilation, padding: padding)
  }
}

extension Tensor {
  /// A matrix whose rows stand in the opposite order.
  fileprivate var turned: Tensor { rows((0..<shape[0]).reversed()) }
}
