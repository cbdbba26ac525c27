import Equations
import Foundation
import Notation
import TestSupport

let wrongEncodings: [WrongVersion<Encode<Double>>] = [
  wrongCode("the column's index stands for the pair's (ERR-22)") { p, j, d in
    code(p, j, exponent: 2 * Double(j) / d)
  },
  wrongCode("sine and cosine are exchanged") { p, j, d in
    code(p, j + 1, exponent: Double(j - j % 2) / d)
  },
  wrongCode("sines come first, then cosines") { p, j, d in
    let pairs = Int((d + 1) / 2)
    return code(p, j / pairs, exponent: 2 * Double(j % pairs) / d)
  },
  wrongCode("no factor 2 in the exponent") { p, j, d in
    code(p, j, exponent: Double(j / 2) / d)
  },
  wrongCode("the exponents end at 1") { p, j, d in
    code(p, j, exponent: Double(j / 2) / max(d / 2 - 1, 1))
  },
  wrongCode("1000 stands for 10000") { p, j, d in
    code(p, j, exponent: 0.75 * Double(j - j % 2) / d)
  },
  wrongCode("the frequencies rise with the column") { p, j, d in
    code(p, j, exponent: -Double(j - j % 2) / d)
  },
  wrongCode("every column has one frequency") { p, j, _ in code(p, j, exponent: 0) },
  wrongCode("positions are counted from 1") { p, j, d in
    code(p + 1, j, exponent: Double(j - j % 2) / d)
  },
  wrongCode("angles are in degrees") { p, j, d in
    code(p * .pi / 180, j, exponent: Double(j - j % 2) / d)
  },
  wrongCode("an odd width counts as the even one above") { p, j, d in
    code(p, j, exponent: Double(j - j % 2) / (2 * ((d + 1) / 2).rounded(.down)))
  },
  wrongCode("an odd width ends with a cosine") { p, j, d in
    let isLast = Int(d) % 2 == 1 && j == Int(d) - 1
    return code(p, isLast ? j + 1 : j, exponent: Double(j - j % 2) / d)
  },
  WrongVersion("positions are columns (PE-8)") { encode($0).transposed },
  WrongVersion("the offset is ignored", of: encode, given: { $0.offset = 0 }),
  WrongVersion("the offset is ignored by a learned table", of: encode) { input in
    if case .learned = input.encoding { input.offset = 0 }
  },
  WrongVersion("a learned table ends with the last position") { input in
    guard case .learned(let table) = input.encoding else { return encode(input) }
    return Tensor(
      shape: [input.length, input.width],
      storage: table.storage.suffix(input.length * input.width))
  },
  WrongVersion("computed in Float") { encode($0.converted(to: Float.self)).converted() },
]

let wrongPositionSums: [WrongVersion<AddPositions<Double>>] = [
  wrongSum("positions run along the batch") { x, encoding, offset in
    let b = x.matrices.shape[0]
    guard x.rank > 2, case .sinusoidal = encoding else { return add(x, encoding, offset: offset) }
    let table = positionalEncoding(
      length: b, width: x.shape[x.rank - 1], offset: offset, encoding)
    let stacked = table.reshaped([b, 1, table.shape[1]]).broadcast(to: x.matrices.shape)
    return x + stacked.reshaped(x.shape)
  },
  wrongSum("positions go on from sentence to sentence") { x, encoding, offset in
    guard case .sinusoidal = encoding else { return add(x, encoding, offset: offset) }
    let rows = x.rows
    let table = positionalEncoding(
      length: rows.shape[0], width: rows.shape[1], offset: offset, encoding)
    return x + table.reshaped(x.shape)
  },
  wrongSum("positions are counted from 0 whatever the offset") { x, encoding, _ in
    add(x, encoding, offset: 0)
  },
  wrongSum("the input is multiplied by √d") { x, encoding, offset in
    add(x.map { $0 * Double(x.shape.last!).squareRoot() }, encoding, offset: offset)
  },
  wrongSum("positions are multiplied with the input") { x, encoding, offset in
    let zeros = x.map { _ in 0.0 }
    let table = add(zeros, encoding, offset: offset)
    return Tensor(shape: x.shape, storage: zip(x.storage, table.storage).map(*))
  },
  wrongSum("positions alone, as document 002's class returns them") { x, encoding, offset in
    add(x.map { _ in 0 }, encoding, offset: offset)
  },
  wrongSum("positions are left out") { x, _, _ in x },
]

private func wrongSum(
  _ name: String, _ sum: @escaping AddPositions<Double>
) -> WrongVersion<AddPositions<Double>> { WrongVersion(name, sum) }

/// Sinusoids of which every element is a function of position, column and width.
private func wrongCode(
  _ name: String, _ element: @escaping @Sendable (Double, Int, Double) -> Double
) -> WrongVersion<Encode<Double>> {
  WrongVersion(name) { input in
    guard case .sinusoidal = input.encoding else { return encode(input) }
    let elements = (0..<input.length).flatMap { row in
      (0..<input.width).map {
        element(Double(input.offset + row), $0, Double(input.width))
      }
    }
    return Tensor(shape: [input.length, input.width], storage: elements)
  }
}

/// Sine in even columns and cosine in odd ones, of p · 10000^(−exponent).
private func code(_ p: Double, _ j: Int, exponent: Double) -> Double {
  let angle = p * pow(10000, -exponent)
  return j % 2 == 0 ? sin(angle) : cos(angle)
}
