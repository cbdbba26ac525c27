import Notation
import SafeTensors
import Testing

@Suite("Numbers of 16 bits")
struct HalfPrecisionTests {
  /// One of the two types, as the standard defines it.
  struct Format: Sendable, CustomTestStringConvertible {
    let dataType: DataType
    let fractionBits: UInt16
    let bias: Int
    let rounded: @Sendable (Tensor<Float>) -> StoredTensor

    static let float16 = Format(dataType: .f16, fractionBits: 10, bias: 15) {
      StoredTensor(roundedToF16: $0)
    }
    static let bfloat16 = Format(dataType: .bf16, fractionBits: 7, bias: 127) {
      StoredTensor(roundedToBF16: $0)
    }

    var testDescription: String { dataType.rawValue }
    /// The bits of +∞: every bit of the exponent.
    var infinity: UInt16 { 0x8000 - 1 << fractionBits }

    /// The value of a finite number: (−1)^sign · 0.fraction or 1.fraction · 2^(exponent − bias).
    func value(_ bits: UInt16) -> Float {
      let exponent = Int(bits & 0x7FFF) >> Int(fractionBits)
      let fraction = Int(bits) & (1 << Int(fractionBits) - 1)
      let significand = exponent == 0 ? fraction : fraction + 1 << Int(fractionBits)
      let magnitude = Float(
        sign: .plus, exponent: max(exponent, 1) - bias - Int(fractionBits),
        significand: Float(significand))
      return bits & 0x8000 == 0 ? magnitude : -magnitude
    }

    /// The bits to which the library rounds each number.
    func bits(_ numbers: [Float]) -> [UInt16] {
      words(rounded(Tensor(shape: [numbers.count], storage: numbers)))
    }

    /// The numbers that the library reads from the bits.
    func floats(_ bits: [UInt16]) throws -> [Float] {
      let stored = StoredTensor(
        dataType: dataType, shape: [bits.count],
        bytes: bits.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] })
      return try SafeTensorsFile(tensors: ["x": stored]).floats("x").storage
    }

    private func words(_ stored: StoredTensor) -> [UInt16] {
      stride(from: 0, to: stored.bytes.count, by: 2).map {
        UInt16(stored.bytes[$0]) | UInt16(stored.bytes[$0 + 1]) << 8
      }
    }

    /// Between every two neighbours, how often their midpoint and its own neighbours go astray.
    ///
    /// The midpoint belongs to the even neighbour, what is below to the lower, what is above to the
    /// upper; the last upper neighbour is infinity.
    func astray(_ rounding: ([Float]) -> [UInt16]) -> Int {
      var (numbers, expected): ([Float], [UInt16]) = ([], [])
      for lower in 0..<infinity {
        let upper = lower + 1
        // Infinity stands where the next number would, were there one more exponent.
        let gap =
          upper < infinity ? value(upper) - value(lower) : value(lower) - value(lower - 1)
        let midpoint = value(lower) + gap / 2
        for (number, bits) in [
          (midpoint.nextDown, lower), (midpoint, lower & 1 == 0 ? lower : upper),
          (midpoint.nextUp, upper),
        ] {
          numbers += [number, -number]
          expected += [bits, bits | 0x8000]
        }
      }
      return zip(rounding(numbers), expected).count { $0 != $1 }
    }
  }

  @Test("all numbers are read exactly", arguments: [Format.float16, .bfloat16])
  func exact(_ format: Format) throws {
    let bits = Array(0..<format.infinity) + Array(0x8000..<0x8000 + format.infinity)
    let floats = try format.floats(bits)
    #expect(floats.map(\.bitPattern) == bits.map { format.value($0).bitPattern })
    let doubles = try SafeTensorsFile(
      tensors: ["x": format.rounded(Tensor(shape: [floats.count], storage: floats))]
    ).doubles("x")
    #expect(doubles.storage == floats.map(Double.init))
  }

  @Test(
    "all 65536 patterns survive the way to Float and back, NaNs too",
    arguments: [Format.float16, .bfloat16])
  func survives(_ format: Format) throws {
    let bits = Array(UInt16.min...UInt16.max)
    let floats = try format.floats(bits)
    #expect(format.bits(floats) == bits)
    #expect(floats.count(where: \.isNaN) == 2 * (1 << Int(format.fractionBits) - 1))
  }

  @Test(
    "rounding is to nearest, ties to even, between every two neighbours",
    arguments: [Format.float16, .bfloat16])
  func rounding(_ format: Format) {
    #expect(format.astray(format.bits) == 0)
  }

  @Test("the check of rounding rejects truncation and ties away from zero")
  func rejected() {
    let truncated = { (numbers: [Float]) in numbers.map { UInt16($0.bitPattern >> 16) } }
    let awayFromZero = { (numbers: [Float]) in
      numbers.map { UInt16(($0.bitPattern + 0x8000) >> 16) }
    }
    #expect(Format.bfloat16.astray(truncated) > 0)
    #expect(Format.bfloat16.astray(awayFromZero) > 0)
    #expect(Format.float16.astray(Format.bfloat16.bits) > 0)
  }

  @Test(
    "known answers",
    arguments: [
      (0, 0x0000, 0x0000), (-0.0, 0x8000, 0x8000), (1, 0x3C00, 0x3F80), (-2, 0xC000, 0xC000),
      (0x1p-24, 0x0001, 0x3380), (0x1p-25, 0x0000, 0x3300), (0x1.8p-25, 0x0001, 0x3340),
      (0x1.ffcp-15, 0x0400, 0x3880), (0x1p-14, 0x0400, 0x3880), (0x1p-149, 0x0000, 0x0000),
      (0x1.FCp-127, 0x0000, 0x007F),
      (0x1.FEp-127, 0x0000, 0x0080), (0.1, 0x2E66, 0x3DCD), (65504, 0x7BFF, 0x4780),
      (65519.996, 0x7BFF, 0x4780), (65520, 0x7C00, 0x4780), (1 + 0x1p-11, 0x3C00, 0x3F80),
      (1 + 0x3p-11, 0x3C02, 0x3F80), (1 + 0x1p-8, 0x3C04, 0x3F80), (1 + 0x3p-8, 0x3C0C, 0x3F82),
      (Float.greatestFiniteMagnitude, 0x7C00, 0x7F80), (-Float.infinity, 0xFC00, 0xFF80),
    ] as [(Float, UInt16, UInt16)])
  func knownAnswers(number: Float, float16: UInt16, bfloat16: UInt16) {
    #expect(Format.float16.bits([number]) == [float16])
    #expect(Format.bfloat16.bits([number]) == [bfloat16])
  }

  @Test("a NaN stays one, with its sign and the upper bits of its fraction")
  func notANumber() {
    let patterns: [UInt32] = [0x7FC0_0000, 0xFFC0_0000, 0x7F80_0001, 0xFFFF_FFFF, 0x7FA0_0000]
    let numbers = patterns.map(Float.init(bitPattern:))
    #expect(Format.float16.bits(numbers) == [0x7E00, 0xFE00, 0x7E00, 0xFFFF, 0x7D00])
    #expect(Format.bfloat16.bits(numbers) == [0x7FC0, 0xFFC0, 0x7FC0, 0xFFFF, 0x7FA0])
  }
}
