import Equations
import Notation
import Specification
import TestSupport
import Testing

/// What is given to attention inside windows.
struct InsideCase<S: Scalar>: Sendable {
  var x: Tensor<S>
  var p: WindowAttention<S>
  var mask: Tensor<Bool>?
  var fill = MaskFill.excluded

  func converted<T: Scalar>(to type: T.Type = T.self) -> InsideCase<T> {
    InsideCase<T>(x: x.converted(), p: p.converted(), mask: mask, fill: fill)
  }
}

/// What is given to attention inside the shifted windows of a map.
struct ShiftedCase<S: Scalar>: Sendable {
  var x: Tensor<S>
  var p: WindowAttention<S>
  var shift: Int
  var fill = MaskFill.excluded

  func converted<T: Scalar>(to type: T.Type = T.self) -> ShiftedCase<T> {
    ShiftedCase<T>(x: x.converted(), p: p.converted(), shift: shift, fill: fill)
  }
}

/// What is given to a block.
struct BlockCase<S: Scalar>: Sendable {
  var x: Tensor<S>
  var p: SwinBlock<S>
  var fill = MaskFill.excluded

  func converted<T: Scalar>(to type: T.Type = T.self) -> BlockCase<T> {
    BlockCase<T>(x: x.converted(), p: p.converted(), fill: fill)
  }
}

/// What is given to patch merging.
struct MergingCase<S: Scalar>: Sendable {
  var x: Tensor<S>
  var p: PatchMerging<S>

  func converted<T: Scalar>(to type: T.Type = T.self) -> MergingCase<T> {
    MergingCase<T>(x: x.converted(), p: p.converted())
  }
}

/// What is given to a Swin Transformer.
struct SwinCase<S: Scalar>: Sendable {
  var images: Tensor<S>
  var p: SwinTransformer<S>
  var fill = MaskFill.excluded

  func converted<T: Scalar>(to type: T.Type = T.self) -> SwinCase<T> {
    SwinCase<T>(images: images.converted(), p: p.converted(), fill: fill)
  }
}

typealias InsideFunction = @Sendable (InsideCase<Double>) -> MultiHeadAttentionSteps<Double>
typealias ShiftedFunction = @Sendable (ShiftedCase<Double>) -> Tensor<Double>
typealias BlockFunction = @Sendable (BlockCase<Double>) -> EncoderLayerSteps<Double>
typealias MergingFunction = @Sendable (MergingCase<Double>) -> Tensor<Double>
typealias SwinFunction = @Sendable (SwinCase<Double>) -> SwinTransformerSteps<Double>

func insideEquation<S: Scalar>(_ input: InsideCase<S>) -> MultiHeadAttentionSteps<S> {
  windowAttentionSteps(input.x, input.p, mask: input.mask, fill: input.fill)
}

func shiftedEquation<S: Scalar>(_ input: ShiftedCase<S>) -> Tensor<S> {
  shiftedWindowAttention(input.x, input.p, shift: input.shift, fill: input.fill)
}

func blockEquation<S: Scalar>(_ input: BlockCase<S>) -> EncoderLayerSteps<S> {
  swinBlockSteps(input.x, input.p, fill: input.fill)
}

func mergingEquation<S: Scalar>(_ input: MergingCase<S>) -> Tensor<S> {
  patchMerging(input.x, input.p)
}

func swinEquation<S: Scalar>(_ input: SwinCase<S>) -> SwinTransformerSteps<S> {
  swinTransformerSteps(input.images, input.p, fill: input.fill)
}

@Suite("Swin Transformer")
struct SwinTransformerTests {
  @Test("shifts, windows, indices, masks and costs agree with the golden vectors")
  func goldenMoves() throws {
    for vector in try moveVectors { try compareMoves(SwinMoves(), with: vector) }
  }

  @Test("attention inside windows agrees with the golden vectors", arguments: try insideVectors)
  func goldenInside(_ vector: GoldenCase) throws {
    try compareInside(insideEquation, with: vector)
    let steps = insideEquation(try insideCase(vector).converted(to: Float.self))
    try vector.check(steps.insideByName.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("attention inside shifted windows agrees with the golden vectors")
  func goldenShifted() throws {
    for vector in try shiftedVectors {
      try compareShifted(shiftedEquation, with: vector)
      let y = shiftedEquation(try shiftedCase(vector).converted(to: Float.self))
      try vector.check(["output": y.converted()], unit: 0x1p-24)
    }
  }

  @Test("the block agrees with the golden vectors", arguments: try blockVectors)
  func goldenBlock(_ vector: GoldenCase) throws {
    try compareBlock(blockEquation, with: vector)
    let steps = blockEquation(try blockCase(vector).converted(to: Float.self))
    try vector.check(steps.byName.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("patch merging agrees with the golden vectors", arguments: try mergingVectors)
  func goldenMerging(_ vector: GoldenCase) throws {
    try compareMerging(mergingEquation, with: vector)
    let y = mergingEquation(try mergingCase(vector).converted(to: Float.self))
    try vector.check(["output": y.converted()], unit: 0x1p-24)
  }

  @Test("the model agrees with the golden vectors", arguments: try swinVectors)
  func golden(_ vector: GoldenCase) throws {
    try compareSwin(swinEquation, with: vector)
    let steps = swinEquation(try swinCase(vector).converted(to: Float.self))
    try vector.check(steps.byName.mapValues { $0.converted() }, unit: 0x1p-24)
  }

  @Test("the laws of shifts, windows, indices, masks and costs hold", arguments: moveLaws)
  func moveLaw(_ law: Law<SwinMoves>) throws { try law.hold(for: SwinMoves()) }

  @Test("the laws of attention inside windows hold", arguments: insideLaws)
  func insideLaw(_ law: Law<InsideFunction>) throws { try law.hold(for: insideEquation) }

  @Test("the laws of attention inside shifted windows hold", arguments: shiftedLaws)
  func shiftedLaw(_ law: Law<ShiftedFunction>) throws { try law.hold(for: shiftedEquation) }

  @Test("the laws of the block hold", arguments: blockLaws)
  func blockLaw(_ law: Law<BlockFunction>) throws { try law.hold(for: blockEquation) }

  @Test("the laws of patch merging hold", arguments: mergingLaws)
  func mergingLaw(_ law: Law<MergingFunction>) throws { try law.hold(for: mergingEquation) }

  @Test("the laws of the model hold", arguments: swinLaws)
  func law(_ law: Law<SwinFunction>) throws { try law.hold(for: swinEquation) }

  @Test("every wrong shift, window, index, mask and cost is rejected", arguments: wrongMoves)
  func wrongMove(_ version: WrongVersion<SwinMoves>) throws {
    version.expectRejection(by: try moveVectors, comparedBy: compareMoves, and: moveLaws)
  }

  @Test("every wrong attention inside windows is rejected", arguments: wrongInsides)
  func wrongInside(_ version: WrongVersion<InsideFunction>) throws {
    version.expectRejection(by: try insideVectors, comparedBy: compareInside, and: insideLaws)
  }

  @Test("every wrong attention inside shifted windows is rejected", arguments: wrongShifteds)
  func wrongShifted(_ version: WrongVersion<ShiftedFunction>) throws {
    version.expectRejection(by: try shiftedVectors, comparedBy: compareShifted, and: shiftedLaws)
  }

  @Test("every wrong block is rejected", arguments: wrongBlocks)
  func wrongBlock(_ version: WrongVersion<BlockFunction>) throws {
    version.expectRejection(by: try blockVectors, comparedBy: compareBlock, and: blockLaws)
  }

  @Test("every wrong patch merging is rejected", arguments: wrongMergings)
  func wrongMerging(_ version: WrongVersion<MergingFunction>) throws {
    version.expectRejection(by: try mergingVectors, comparedBy: compareMerging, and: mergingLaws)
  }

  @Test("every wrong Swin Transformer is rejected", arguments: wrongSwins)
  func wrong(_ version: WrongVersion<SwinFunction>) throws {
    version.expectRejection(by: try swinVectors, comparedBy: compareSwin, and: swinLaws)
  }

  @Test("maps and windows that do not fit stop the program with a sentence")
  func shapes() async throws {
    let map = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = cyclicShift(Tensor<Double>(shape: [4, 4], repeating: 1), by: 1) }
    expectSentence("an image must be … × height × width × channels: got 4 × 4", from: map)
    let odd = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = patchMerging(
        Tensor<Double>(shape: [3, 4, 1], repeating: 1),
        PatchMerging(
          norm: LayerNorm(width: 4, epsilon: 0),
          reduction: AffineMap(weight: Tensor(shape: [2, 4], repeating: 1))))
    }
    expectSentence("squares of 2 × 2 must divide an image of 3 × 4", from: odd)
    let large = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = shiftedWindowAttention(Tensor(shape: [3, 4, 1], repeating: 1), windowsOfTwo()) }
    expectSentence("squares of 2 × 2 must divide an image of 3 × 4", from: large)
    let inside = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = windowAttention(Tensor(shape: [3, 9, 1], repeating: 1), windowsOfTwo()) }
    expectSentence("windows of 2 × 2 must be … × N × 4 × C: got 3 × 9 × 1", from: inside)
    let mask = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = windowAttention(
        Tensor(shape: [3, 4, 1], repeating: 1), windowsOfTwo(),
        mask: Tensor(shape: [1, 4, 4], repeating: true))
    }
    expectSentence("a mask of windows must be 3 × 4 × 4: got 1 × 4 × 4", from: mask)
    let joined = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = joinedWindows(
        Tensor<Double>(shape: [5, 4, 1], repeating: 1), size: 2, height: 4, width: 6)
    }
    expectSentence(
      "windows of 2 × 2 that make a map of 4 × 6 are needed: got 5 × 4 × 1", from: joined)
  }

  @Test("parameters that do not fit stop the program with a sentence")
  func parameters() async throws {
    let table = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var p = windowsOfTwo()
      p = WindowAttention(attention: p.attention, biasTable: p.biasTable, windowSize: 3)
    }
    expectSentence(
      "a bias table of windows of 3 × 3 must be 25 × 1, a row for each offset: got 9 × 1",
      from: table)
    let none = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = relativePositionIndex(window: 0) }
    expectSentence("a window needs a position: got 0 × 0", from: none)
    let shift = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = shiftedWindowMask(height: 4, width: 4, window: 2, shift: 2) }
    expectSentence("windows of 2 × 2 can be shifted by 0 ..< 2: got 2", from: shift)
    let back = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let norm = LayerNorm<Double>(width: 1, epsilon: 0)
      let map = AffineMap<Double>(weight: [[1]])
      _ = SwinBlock(
        attention: windowsOfTwo(), attentionNorm: norm,
        feedForward: FeedForward(inner: map, outer: map), feedForwardNorm: norm, shift: -1)
    }
    expectSentence("windows of 2 × 2 can be shifted by 0 ..< 2: got -1", from: back)
    let reduction = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = PatchMerging<Double>(
        norm: LayerNorm(width: 4, epsilon: 0), reduction: AffineMap(weight: [[1, 2, 3]]))
    }
    expectSentence(
      "the reduction must take the 4 numbers that are normalised: got 1 × 3", from: reduction)
  }
}

/// Attention of one head and width 1 inside windows of 2 × 2, all parameters 1.
private func windowsOfTwo() -> WindowAttention<Double> {
  let map = AffineMap<Double>(weight: [[1]])
  return WindowAttention(
    attention: MultiHeadAttention(query: map, key: map, value: map, output: map, heads: 1),
    biasTable: Tensor(shape: [9, 1], repeating: 1), windowSize: 2)
}

// MARK: - Vectors

private let moves: Set = [
  "cyclicShift", "windows", "joinedWindows", "relativePositionIndex", "shiftedWindowMask",
  "attentionCost", "windowAttentionCost",
]

private var moveVectors: [GoldenCase] {
  get throws { try GoldenCase.all().filter { moves.contains($0.function) } }
}
private var insideVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "windowAttention") } }
private var shiftedVectors: [GoldenCase] {
  get throws { try GoldenCase.all(of: "shiftedWindowAttention") }
}
private var blockVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "swinBlock") } }
private var mergingVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "patchMerging") } }
private var swinVectors: [GoldenCase] { get throws { try GoldenCase.all(of: "swinTransformer") } }

private func insideCase(_ vector: GoldenCase) throws -> InsideCase<Double> {
  InsideCase(
    x: try vector.input("x")!, p: try SwinParameters(vector).windowAttention(),
    mask: try vector.flags("keep"), fill: vector.fill)
}

private func shiftedCase(_ vector: GoldenCase) throws -> ShiftedCase<Double> {
  ShiftedCase(
    x: try vector.input("x")!, p: try SwinParameters(vector).windowAttention(),
    shift: vector.attributes.integer(needed: "shift"), fill: vector.fill)
}

private func blockCase(_ vector: GoldenCase) throws -> BlockCase<Double> {
  BlockCase(x: try vector.input("x")!, p: try SwinParameters(vector).block(), fill: vector.fill)
}

private func mergingCase(_ vector: GoldenCase) throws -> MergingCase<Double> {
  MergingCase(x: try vector.input("x")!, p: try SwinParameters(vector).merging())
}

private func swinCase(_ vector: GoldenCase) throws -> SwinCase<Double> {
  SwinCase(
    images: try vector.input("images")!, p: try SwinParameters(vector).swinTransformer(),
    fill: vector.fill)
}

private func compareMoves(_ moves: SwinMoves, with vector: GoldenCase) throws {
  func number(_ name: String) -> Int { vector.attributes.integer(needed: name) }
  let x = try vector.input("x")
  switch vector.function {
  case "cyclicShift": try vector.check(["output": moves.shift(x!, number("shift"))])
  case "windows": try vector.check(["output": moves.windows(x!, number("window"))])
  case "joinedWindows":
    let y = moves.joined(x!, number("window"), number("height"), number("width"))
    try vector.check(["output": y])
  case "relativePositionIndex":
    try expect(
      moves.index(number("window")) == vector.expectedIntegers("output"), "\(vector.id)")
  case "shiftedWindowMask":
    let mask = moves.mask(number("height"), number("width"), number("window"), number("shift"))
    try expect(mask == vector.expectedFlags("output"), "\(vector.id)")
  case "attentionCost":
    let cost = moves.cost(number("height"), number("width"), number("channels"))
    try expect([cost] == vector.expectedIntegers("output")?.storage, "\(vector.id)")
  default:
    let cost = moves.windowCost(
      number("height"), number("width"), number("channels"), number("window"))
    try expect([cost] == vector.expectedIntegers("output")?.storage, "\(vector.id)")
  }
}

private func compareInside(_ attention: InsideFunction, with vector: GoldenCase) throws {
  try vector.check(attention(try insideCase(vector)).insideByName)
}

private func compareShifted(_ attention: ShiftedFunction, with vector: GoldenCase) throws {
  try vector.check(["output": attention(try shiftedCase(vector))])
}

private func compareBlock(_ block: BlockFunction, with vector: GoldenCase) throws {
  try vector.check(block(try blockCase(vector)).byName)
}

private func compareMerging(_ merging: MergingFunction, with vector: GoldenCase) throws {
  try vector.check(["output": merging(try mergingCase(vector))])
}

private func compareSwin(_ model: SwinFunction, with vector: GoldenCase) throws {
  try vector.check(model(try swinCase(vector)).byName)
}

extension MultiHeadAttentionSteps {
  /// The steps under the names that the golden vectors have for them.
  var insideByName: [String: Tensor<S>] {
    [
      "scores": attention.scores, "maskedScores": attention.maskedScores,
      "weights": attention.weights, "heads": attention.output, "output": output,
    ]
  }
}

extension SwinTransformerSteps {
  /// The steps under the names that the golden vectors have for them.
  var byName: [String: Tensor<S>] {
    var steps = ["embedded": embedded, "pooled": pooled, "logits": logits]
    for (k, stage) in stages.enumerated() { steps["stage\(k)"] = stage }
    return steps
  }
}
