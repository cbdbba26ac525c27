// Conversions between Float and the two types of 16 bits, by their bits: Swift's own Float16 does not
// exist on macOS for x86-64, and Swift has no BF16.
//
// A NaN keeps its sign and the upper bits of its fraction. IEEE 754 would also set the quiet bit; that
// is done only where the fraction would otherwise become 0, which means infinity. So a half survives
// the way to Float and back, whatever its bits.

extension Float {
  /// The value of a binary16, exactly.
  init(float16 half: UInt16) {
    let sign = UInt32(half & 0x8000) << 16
    let magnitude = UInt32(half & 0x7FFF)
    let bits =
      switch magnitude {
      case 0..<0x0400: (Float(magnitude) * 0x1p-24).bitPattern  // subnormal: multiples of 2⁻²⁴
      case 0x0400..<0x7C00: magnitude << 13 + (127 - 15) << 23  // the exponent's bias: 15 to 127
      default: 0x7F80_0000 | magnitude << 13  // infinity and NaN
      }
    self.init(bitPattern: sign | bits)
  }

  /// The value of a BF16, exactly.
  init(bfloat16 half: UInt16) { self.init(bitPattern: UInt32(half) << 16) }

  /// The nearest binary16, ties to even; from 65520 on, infinity.
  var float16: UInt16 {
    let sign = UInt16(bitPattern >> 16) & 0x8000
    let bits = magnitude.bitPattern
    if isNaN { return sign | 0x7C00 | fractionOfNaN(bits >> 13 & 0x03FF, quiet: 0x0200) }
    // Below 2⁻¹⁴ the result is a multiple of 2⁻²⁴, and the product below is exact.
    if bits < 0x3880_0000 { return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)) }
    return sign | UInt16(min((bits - (127 - 15) << 23).rounded(dropping: 13), 0x7C00))
  }

  /// The nearest BF16, ties to even.
  var bfloat16: UInt16 {
    let sign = UInt16(bitPattern >> 16) & 0x8000
    let bits = magnitude.bitPattern
    if isNaN { return sign | 0x7F80 | fractionOfNaN(bits >> 16 & 0x007F, quiet: 0x0040) }
    return sign | UInt16(bits.rounded(dropping: 16))
  }
}

extension UInt32 {
  /// The bits without the lowest `count`, rounded to nearest, ties to even.
  ///
  /// A carry out of the fraction raises the exponent, as it should, up to that of infinity.
  fileprivate func rounded(dropping count: UInt32) -> UInt32 {
    let isOdd = self >> count & 1
    return (self + (1 << (count - 1) - 1) + isOdd) >> count
  }
}

/// What is left of a NaN's fraction, or the quiet bit if nothing is.
private func fractionOfNaN(_ fraction: UInt32, quiet: UInt16) -> UInt16 {
  fraction == 0 ? quiet : UInt16(fraction)
}
