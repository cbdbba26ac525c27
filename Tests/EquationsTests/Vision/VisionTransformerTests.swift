import Equations
import Notation
import Specification
import TestSupport
import Testing

/// An image to be cut into patches.
struct PatchesCase: Sendable {
  var x: Tensor<Double>
  var size: Int
  var order = PatchOrder.rowColumnChannel
}

/// What is given to a Vision Transformer.
struct VisionCase<S: Scalar>: Sendable {
  var images: Tensor<S>
  var p: VisionTransformer<S>

  func converted<T: Scalar>(to type: T.Type = T.self) -> VisionCase<T> {
    VisionCase<T>(images: images.converted(), p: p.converted())
  }
}

typealias PatchesFunction = @Sendable (PatchesCase) -> Tensor<Double>
typealias VisionFunction<S: Scalar> = @Sendable (VisionCase<S>) -> VisionTransformerSteps<S>

func patchesEquation(_ input: PatchesCase) -> Tensor<Double> {
  patches(input.x, size: input.size, order: input.order)
}

func visionEquation<S: Scalar>(_ input: VisionCase<S>) -> VisionTransformerSteps<S> {
  visionTransformerSteps(input.images, input.p)
}

@Suite("Vision Transformer")
struct VisionTransformerTests {
  @Test("the patches agree with the golden vectors", arguments: try patchesVectors)
  func goldenPatches(_ vector: GoldenCase) throws {
    try comparePatches(patchesEquation, with: vector)
  }

  @Test("the model agrees with the golden vectors", arguments: try vectors)
  func golden(_ vector: GoldenCase) throws { try compare(visionEquation, with: vector) }

  @Test("the model in Float agrees with the golden vectors", arguments: try vectors)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let steps = visionEquation(try visionCase(vector).converted(to: Float.self))
    try vector.check(steps.byName.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("the laws of patches hold", arguments: patchesLaws)
  func patchesLaw(_ law: Law<PatchesFunction>) throws { try law.hold(for: patchesEquation) }

  @Test("the laws of the model hold", arguments: visionLaws)
  func law(_ law: Law<VisionFunction<Double>>) throws { try law.hold(for: visionEquation) }

  @Test("every wrong way to cut patches is rejected", arguments: wrongPatches)
  func wrongPatch(_ version: WrongVersion<PatchesFunction>) throws {
    version.expectRejection(by: try patchesVectors, comparedBy: comparePatches, and: patchesLaws)
  }

  @Test("every wrong model is rejected", arguments: wrongVisionTransformers)
  func wrong(_ version: WrongVersion<VisionFunction<Double>>) throws {
    version.expectRejection(by: try vectors, comparedBy: compare, and: visionLaws)
  }

  @Test("the orders of a patch differ on every vector but that of single pixels")
  func dialectsDiffer() throws {
    for vector in try patchesVectors {
      var input = try patchesCase(vector)
      let outputs = PatchOrder.allCases.map { order in
        input.order = order
        return patchesEquation(input)
      }
      #expect((outputs[0] != outputs[1]) == (input.size > 1), "\(vector.id)")
    }
  }

  @Test("images and parameters that do not fit stop the program with a sentence")
  func shapes() async throws {
    let rank = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = patches(Tensor<Double>(shape: [4, 4], repeating: 1), size: 2) }
    expectSentence("an image must be … × height × width × channels: got 4 × 4", from: rank)
    let size = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = patches(Tensor<Double>(shape: [4, 6, 3], repeating: 1), size: 4) }
    expectSentence("squares of 4 × 4 must divide an image of 4 × 6", from: size)
    let none = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = patches(Tensor<Double>(shape: [4, 6, 3], repeating: 1), size: 0) }
    expectSentence("squares of 0 × 0 must divide an image of 4 × 6", from: none)
    let positions = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = visionTransformer(Tensor(shape: [2, 3, 1], repeating: 1), modelOfWidth1(positions: 6))
    }
    expectSentence("the class token and 6 patches need 7 positions: got 6", from: positions)
    let channels = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = visionTransformer(Tensor(shape: [2, 3, 2], repeating: 1), modelOfWidth1(positions: 7))
    }
    expectSentence("x must be … × 1: got 6 × 2, the weight is 1 × 1", from: channels)
  }

  @Test("vectors of other widths than a patch's stop the program with a sentence")
  func widths() async throws {
    let token = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let map = AffineMap<Double>(weight: [[1]])
      _ = VisionTransformer(
        patchSize: 1, patch: map, classToken: [1, 2], positions: [[1]], layers: [],
        norm: LayerNorm(width: 1, epsilon: 0), head: map)
    }
    expectSentence("a class token must have 1 elements, as a patch's vector: got 2", from: token)
    let positions = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let map = AffineMap<Double>(weight: [[1]])
      _ = VisionTransformer(
        patchSize: 1, patch: map, classToken: [1], positions: [[1, 2]], layers: [],
        norm: LayerNorm(width: 1, epsilon: 0), head: map)
    }
    expectSentence(
      "positions must have rows of 1 elements, as a patch's vector: got 1 × 2", from: positions)
  }
}

/// A model without layers whose patches are pixels of one channel.
private func modelOfWidth1(positions: Int) -> VisionTransformer<Double> {
  let map = AffineMap<Double>(weight: [[1]])
  return VisionTransformer(
    patchSize: 1, patch: map, classToken: [1],
    positions: Tensor(shape: [positions, 1], repeating: 1), layers: [],
    norm: LayerNorm(width: 1, epsilon: 1), head: map)
}

private var patchesVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "patches") } }
private var vectors: [GoldenCase] { get throws { try GoldenCase.all(of: "visionTransformer") } }

private func patchesCase(_ vector: GoldenCase) throws -> PatchesCase {
  PatchesCase(
    x: try vector.input("x")!, size: vector.attributes.integer(needed: "size"),
    order: vector.attributes.dialect("order", of: PatchOrder.allCases))
}

private func visionCase(_ vector: GoldenCase) throws -> VisionCase<Double> {
  VisionCase(
    images: try vector.input("images")!,
    p: try TransformerParameters(vector).visionTransformer(
      classToken: try vector.input("classToken")!, positions: try vector.input("positionTable")!))
}

private func comparePatches(_ patches: PatchesFunction, with vector: GoldenCase) throws {
  try vector.check(["output": patches(try patchesCase(vector))])
}

private func compare(_ model: VisionFunction<Double>, with vector: GoldenCase) throws {
  try vector.check(model(try visionCase(vector)).byName)
}

extension VisionTransformerSteps {
  /// The steps under the names that the golden vectors have for them.
  var byName: [String: Tensor<S>] {
    var steps = [
      "patches": patches, "embedded": embedded, "classVector": classVector, "logits": logits,
    ]
    for (l, layer) in layers.enumerated() { steps["layer\(l)"] = layer }
    return steps
  }
}
