import Equations
import Notation
import Specification
import TestSupport
import Testing

/// What a table of positions is made from.
struct PositionCase<S: Scalar>: Sendable {
  var length: Int
  var width: Int
  var offset = 0
  var encoding = PositionalEncoding<S>.sinusoidal()

  func converted<T: Scalar>(to type: T.Type = T.self) -> PositionCase<T> {
    PositionCase<T>(
      length: length, width: width, offset: offset, encoding: encoding.converted())
  }
}

typealias Encode<S: Scalar> = @Sendable (PositionCase<S>) -> Tensor<S>
typealias AddPositions<S: Scalar> =
  @Sendable (Tensor<S>, PositionalEncoding<S>, _ offset: Int) -> Tensor<S>

func encode<S: Scalar>(_ input: PositionCase<S>) -> Tensor<S> {
  positionalEncoding(
    length: input.length, width: input.width, offset: input.offset, input.encoding)
}

func add<S: Scalar>(
  _ x: Tensor<S>, _ encoding: PositionalEncoding<S>, offset: Int
) -> Tensor<S> { addPositions(x, encoding, offset: offset) }

@Suite("Positional encoding")
struct PositionalEncodingTests {
  @Test("positional encoding agrees with the golden vectors", arguments: try tables)
  func golden(_ vector: GoldenCase) throws { try compare(encode, with: vector) }

  @Test("positional encoding in Float agrees with the golden vectors", arguments: try tables)
  func goldenInFloat(_ vector: GoldenCase) throws {
    let table = encode(try positionCase(vector).converted(to: Float.self))
    try vector.check(["output": table.converted()], unit: 0x1p-24)
  }

  @Test("sums with positions agree with the golden vectors", arguments: try sums)
  func goldenSum(_ vector: GoldenCase) throws { try compareSum(add, with: vector) }

  @Test("sums with positions in Float agree with the golden vectors", arguments: try sums)
  func goldenSumInFloat(_ vector: GoldenCase) throws {
    let sum = add(
      try vector.input("x")!.converted(to: Float.self), try vector.positions().converted(),
      offset: vector.attributes.integer("offset")!)
    try vector.check(["output": sum.converted()], unit: 0x1p-24)
  }

  @Test("the laws of positional encoding hold", arguments: encodingLaws)
  func law(_ law: Law<Encode<Double>>) throws { try law.hold(for: encode) }

  @Test("the laws of sums with positions hold", arguments: positionSumLaws)
  func sumLaw(_ law: Law<AddPositions<Double>>) throws { try law.hold(for: add) }

  @Test("every wrong positional encoding is rejected", arguments: wrongEncodings)
  func wrong(_ version: WrongVersion<Encode<Double>>) throws {
    version.expectRejection(by: try tables, comparedBy: compare, and: encodingLaws)
  }

  @Test("every wrong sum with positions is rejected", arguments: wrongPositionSums)
  func wrongSum(_ version: WrongVersion<AddPositions<Double>>) throws {
    version.expectRejection(by: try sums, comparedBy: compareSum, and: positionSumLaws)
  }

  @Test("a table of another size or start stops the program with a sentence")
  func shapes() async throws {
    let negative = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = positionalEncoding(length: 3, width: 4, offset: -1) as Tensor<Double> }
    expectSentence(
      "positions are counted from 0: got length 3, width 4 and offset -1", from: negative)
    let longer = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ =
        positionalEncoding(
          length: 3, width: 4, offset: 8, .sinusoidal(maximumLength: 10)) as Tensor<Double>
    }
    expectSentence(
      "a positional table of 10 rows is shorter than the 11 positions asked for", from: longer)
    let learned = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let table: Tensor<Double> = [[1, 2], [3, 4]]
      _ = positionalEncoding(length: 2, width: 2, offset: 1, .learned(table))
    }
    expectSentence(
      "a positional table of 2 rows is shorter than the 3 positions asked for", from: learned)
    let width = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let table: Tensor<Double> = [[1, 2], [3, 4]]
      _ = positionalEncoding(length: 2, width: 3, .learned(table))
    }
    expectSentence("a positional table must be positions × 3: got 2 × 2", from: width)
    let vector = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = addPositions([1, 2, 3] as Tensor<Double>) }
    expectSentence("a sequence must be … × t × d: got 3", from: vector)
  }
}

private var tables: [GoldenCase] { get throws { try GoldenCase.all(of: "positionalEncoding") } }
private var sums: [GoldenCase] { get throws { try GoldenCase.all(of: "addPositions") } }

private func positionCase(_ vector: GoldenCase) throws -> PositionCase<Double> {
  PositionCase(
    length: vector.attributes.integer("length")!, width: vector.attributes.integer("width")!,
    offset: vector.attributes.integer("offset")!, encoding: try vector.positions())
}

private func compare(_ encode: Encode<Double>, with vector: GoldenCase) throws {
  try vector.check(["output": encode(try positionCase(vector))])
}

private func compareSum(_ add: AddPositions<Double>, with vector: GoldenCase) throws {
  let sum = add(
    try vector.input("x")!, try vector.positions(), vector.attributes.integer("offset")!)
  try vector.check(["output": sum])
}
