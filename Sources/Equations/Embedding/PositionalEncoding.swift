import Notation

/// A vector for every position, different for each.
///
///     PE(p, 2i) = sin(p ω_i),  PE(p, 2i + 1) = cos(p ω_i),  ω_i = 10000^(−2i/d)        length × d
///
/// - Parameters:
///   - length: How many positions.
///   - d: The width of a vector; if it is odd, the last column is a sine.
///   - offset: The first position, p = offset ..< offset + length.
///   - encoding: Sinusoids, in one of two forms that differ in rounding, or the rows of a table.
/// - Returns: length × d. The error of an angle, and with it of a sine, grows with the position: by
///   about 2⁻²³ p in `Float`.
///
/// PE-1 to PE-5, PE-7, PE-8. Vaswani et al. 2017, section 3.5. SPEC.md, Positional encoding.
@specialized(where S == Float)
@specialized(where S == Double)
public func positionalEncoding<S: Scalar>(
  length: Int, width d: Int, offset: Int = 0, _ encoding: PositionalEncoding<S> = .sinusoidal()
) -> Tensor<S> {
  encoding.check(length: length, width: d, offset: offset)
  switch encoding {
  case .sinusoidal(let form, _):
    var table = Tensor<S>(shape: [length, d], repeating: 0)
    for row in 0..<length {
      for j in 0..<d {
        let (p, twoI) = (S(Double(offset + row)), S(Double(j - j % 2)))
        let angle =
          switch form {
          case .power: p / S.pow(10000, twoI / S(Double(d)))
          case .exponential: p * S.exp(twoI * (-S.log(10000) / S(Double(d))))
          }
        table[row, j] = j % 2 == 0 ? S.sin(angle) : S.cos(angle)
      }
    }
    return table
  case .learned(let table):
    return Tensor(
      shape: [length, d], storage: Array(table.storage[offset * d..<(offset + length) * d]))
  }
}

/// The vectors of a sequence, with the positions added to them.
///
///     y_i = x_i + PE(offset + i)        … × t × d
///
/// - Parameters:
///   - x: … × t × d.
///   - encoding: PE.
///   - offset: The position of the first vector.
///
/// PE-6. SPEC.md, Positional encoding.
@specialized(where S == Float)
@specialized(where S == Double)
public func addPositions<S: Scalar>(
  _ x: Tensor<S>, _ encoding: PositionalEncoding<S> = .sinusoidal(), offset: Int = 0
) -> Tensor<S> {
  checkSequence(x.shape)
  let (t, d) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
  let positions = positionalEncoding(length: t, width: d, offset: offset, encoding)
  let stacked = Array(repeating: 1, count: x.rank - 2) + [t, d]
  return x + positions.reshaped(stacked).broadcast(to: x.shape)
}
