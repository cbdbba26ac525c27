import Equations
import ErrorBounds
import Foundation
import Notation
import Specification
import TestSupport
import Testing

struct WeightDraw: Sendable {
  var shape: [Int]
  var slope = 0.0
  var seed: UInt64
}

struct MapDraw: Sendable {
  var outputs: Int
  var inputs: Int
  var weights: WeightInitialization
  var seed: UInt64
}

typealias WeightInitializer = @Sendable (WeightDraw) -> Tensor<Double>
typealias MapInitializer = @Sendable (MapDraw) -> AffineMap<Double>

func weightEquation<S: Scalar>(_ draw: WeightDraw) -> Tensor<S> {
  kaimingUniform(draw.shape, slope: draw.slope, seed: draw.seed)
}

func mapEquation<S: Scalar>(_ draw: MapDraw) -> AffineMap<S> {
  initialAffineMap(
    outputs: draw.outputs, inputs: draw.inputs, weights: draw.weights, seed: draw.seed)
}

@Suite("Initialization")
struct InitializationTests {
  @Test("weights agree with the golden vectors", arguments: try weightVectors)
  func golden(_ vector: GoldenCase) throws { try compareWeights(weightEquation, with: vector) }

  @Test("weights in Float agree with the golden vectors", arguments: try weightVectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let weight: Tensor<Float> = weightEquation(try weightDraw(vector))
    try vector.check(["output": weight.converted()], unit: 0x1p-24)
  }

  @Test("maps agree with the golden vectors", arguments: try mapVectors)
  func goldenMap(_ vector: GoldenCase) throws { try compareMaps(mapEquation, with: vector) }

  @Test("maps in Float agree with the golden vectors", arguments: try mapVectors)
  func goldenMapInFloat(_ vector: GoldenCase) throws {
    let map: AffineMap<Float> = mapEquation(mapDraw(vector))
    try vector.check(
      ["weight": map.weight.converted(), "bias": map.bias!.converted()], unit: 0x1p-24)
  }

  @Test("the laws of weights hold", arguments: weightLaws)
  func law(_ law: Law<WeightInitializer>) throws { try law.hold(for: weightEquation) }

  @Test("the laws of maps hold", arguments: mapLaws)
  func mapLaw(_ law: Law<MapInitializer>) throws { try law.hold(for: mapEquation) }

  @Test("every wrong weight is rejected", arguments: wrongWeights)
  func wrong(_ version: WrongVersion<WeightInitializer>) throws {
    version.expectRejection(by: try weightVectors, comparedBy: compareWeights, and: weightLaws)
  }

  @Test("every wrong map is rejected", arguments: wrongMaps)
  func wrongMap(_ version: WrongVersion<MapInitializer>) throws {
    version.expectRejection(by: try mapVectors, comparedBy: compareMaps, and: mapLaws)
  }

  @Test("a map without a bias has the same weight")
  func withoutBias() {
    let map: AffineMap<Double> = initialAffineMap(outputs: 3, inputs: 2, hasBias: false, seed: 5)
    let biased: AffineMap<Double> = initialAffineMap(outputs: 3, inputs: 2, seed: 5)
    #expect(map.bias == nil && biased.bias != nil && map.weight == biased.weight)
  }

  @Test("through maps and ReLUs the mean square stays under He's bound, and falls under PyTorch's")
  func depth() {
    /// What each of eight layers leaves of the mean square.
    func share(_ weights: WeightInitialization) -> Double {
      let width = 128
      var stream = RandomStream(seed: 3)
      var x = Tensor<Double>.normal([32, width], from: &stream)
      func meanSquare() -> Double {
        x.storage.reduce(0) { $0 + $1 * $1 } / Double(x.count)
      }
      // The first map's input is not behind a ReLU, its output is like all others.
      var before = 0.0
      for layer in 0...8 {
        let map: AffineMap<Double> = initialAffineMap(
          outputs: width, inputs: width, weights: weights, hasBias: false, seed: UInt64(layer))
        x = affineMap(x, map, activation: .relu)
        if layer == 0 { before = meanSquare() }
      }
      return pow(meanSquare() / before, 1.0 / 8)
    }
    #expect(abs(share(.kaiming) - 1) < 0.1)
    // A variance of 1/3 over the fan-in, of which ReLU leaves a half.
    #expect(abs(share(.pyTorch) - 1.0 / 6) < 0.02)
  }

  @Test("shapes and bounds that make no sense stop the program with a sentence")
  func refusals() async throws {
    let shape = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = kaimingUniform([3], seed: 1) as Tensor<Double>
    }
    expectSentence("a fan-in needs two extents at least: got 3", from: shape)
    let bound = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = uniformNumbers([3], bound: -1, seed: 1) as Tensor<Double>
    }
    expectSentence("a bound must be finite and not negative: got -1.0", from: bound)
    let terms = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = kaimingBound(fanIn: -1)
    }
    expectSentence("a sum cannot have fewer than 0 terms: got -1", from: terms)
  }
}

private var weightVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "kaimingUniform") } }
private var mapVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "initialAffineMap") } }

private func seed(_ vector: GoldenCase) -> UInt64 {
  UInt64(vector.attributes.integer(needed: "seed"))
}

private func weightDraw(_ vector: GoldenCase) throws -> WeightDraw {
  WeightDraw(
    shape: try vector.integers("shape")!.storage, slope: vector.attributes.number(needed: "slope"),
    seed: seed(vector))
}

private func mapDraw(_ vector: GoldenCase) -> MapDraw {
  MapDraw(
    outputs: vector.attributes.integer(needed: "outputs"),
    inputs: vector.attributes.integer(needed: "inputs"),
    weights: vector.attributes.string(needed: "weights") == "kaiming" ? .kaiming : .pyTorch,
    seed: seed(vector))
}

private func compareWeights(_ weight: WeightInitializer, with vector: GoldenCase) throws {
  try vector.check(["output": weight(try weightDraw(vector))])
}

private func compareMaps(_ map: MapInitializer, with vector: GoldenCase) throws {
  let map = map(mapDraw(vector))
  try vector.check(["weight": map.weight, "bias": map.bias!])
}

// MARK: - Laws

private let weightLaws: [Law<WeightInitializer>] = [
  Law("each number is that of the stream, from −bound to bound") { weight, draw in
    let input = draw.weight()
    let fanIn = RunningError(Double(input.shape.dropFirst().reduce(1, *)))
    let slope = RunningError(input.slope)
    let bound = RunningError.sqrt(6 / ((1 + slope * slope) * fanIn))
    let expected = (0..<input.shape.reduce(1, *)).map {
      (2 * RunningError(SplitMix64.uniform($0, seed: input.seed)) - 1) * bound
    }
    let result = Tensor(shape: input.shape, storage: expected)
    try expectSame(weight(input), result.map(\.value), bounds: result.bounds, result.bounds)
  },
  Law("the mean square is 2 / ((1 + slope²) fanIn), and the mean 0", cases: 20) { weight, draw in
    var input = draw.weight()
    input.shape[0] = 1024
    let (x, fanIn) = (weight(input).storage, Double(input.shape.dropFirst().reduce(1, *)))
    let expected = 2 / ((1 + input.slope * input.slope) * fanIn)
    let mean = x.reduce(0, +) / Double(x.count)
    let square = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
    // Six standard deviations of the two means: of U(−b, b) the variance is b²/3, of its square 4b⁴/45.
    let root = Double(x.count).squareRoot()
    try expect(abs(mean) <= 6 * expected.squareRoot() / root, "the mean is \(mean)")
    try expect(
      abs(square / expected - 1) <= 6 * 0.8.squareRoot() / root, "the mean square is \(square)")
  },
  Law("more rows leave those before as they are") { weight, draw in
    let input = draw.weight()
    var more = input
    more.shape[0] += 1
    try expect(
      Array(weight(more).storage.prefix(input.shape.reduce(1, *))) == weight(input).storage,
      "they change")
  },
]

private let mapLaws: [Law<MapInitializer>] = [
  Law("weight and bias are numbers of the streams of words 0 and 1, within their bounds") {
    map, draw in
    let input = draw.map()
    let got = map(input)
    let inputs = RunningError(Double(input.inputs))
    func expected(_ shape: [Int], _ word: Int, factor: Double) -> Tensor<RunningError> {
      let seed = SplitMix64.word(word, seed: input.seed)
      let bound = RunningError.sqrt(RunningError(factor) / inputs)
      return Tensor(
        shape: shape,
        storage: (0..<shape.reduce(1, *)).map {
          (2 * RunningError(SplitMix64.uniform($0, seed: seed)) - 1) * bound
        })
    }
    let weight = expected(
      [input.outputs, input.inputs], 0, factor: input.weights == .kaiming ? 6 : 1)
    try expectSame(
      got.weight, weight.map(\.value), bounds: weight.bounds, weight.bounds, "the weight")
    let bias = expected([input.outputs], 1, factor: 1)
    try expectSame(got.bias!, bias.map(\.value), bounds: bias.bounds, bias.bounds, "the bias")
  },
  Law("He's weight is √6 times PyTorch's, the bias is the same") { map, draw in
    var input = draw.map()
    input.weights = .pyTorch
    let small = map(input)
    input.weights = .kaiming
    let large = map(input)
    try expect(large.bias == small.bias, "the bias is \(large.bias!.storage)")
    // Two roots, a quotient and two products, and √6 itself.
    try expectSame(
      large.weight, small.weight.map { 6.0.squareRoot() * $0 },
      bounds: large.weight.map { 8 * 0x1p-53 * abs($0) }, large.weight.map { _ in 0 })
  },
]

extension Draw {
  fileprivate func weight() -> WeightDraw {
    var shape = [integer("outputs", in: 1...4), integer("inputs", in: 2...7)]
    if bool("kernel") { shape.append(integer("width", in: 2...3)) }
    return WeightDraw(
      shape: shape, slope: element("slope", of: [0, 0.25, 2]),
      seed: UInt64(integer("seed", in: 0...1000)))
  }

  fileprivate func map() -> MapDraw {
    MapDraw(
      outputs: integer("outputs", in: 1...4), inputs: integer("inputs", in: 2...7),
      weights: element("weights", of: WeightInitialization.allCases),
      seed: UInt64(integer("seed", in: 0...1000)))
  }
}
