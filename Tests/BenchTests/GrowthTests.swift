import Foundation
import Testing

@testable import bench

@Suite("Growth is measured over lengths and fitted with an exponent")
struct GrowthTests {
  private let lengths = (6...14).map { 1 << $0 }

  @Test("a power is found without margin", arguments: [0.0, 1, 1.5, 2, 3])
  func exactPower(power: Double) throws {
    let values = lengths.map { 3e-7 * pow(Double($0), power) }
    let exponent = try #require(Exponent(lengths: lengths, values: values))
    let roundings = Roundings(lengths, values, power: power)
    #expect(abs(exponent.value - power) <= roundings.ofSlope)
    #expect(exponent.margin <= roundings.ofMargin(t: 3.182))
  }

  @Test("the margin is Student's, for a line that three points miss by one part each")
  func margin() throws {
    // Logarithms −1, 0, 1 against 1, −2, 1: slope 0, residues 1, −2, 1, S_xx = 2, S_εε = 6.
    let values = [2, 0.25, 2.0]
    let exponent = try #require(Exponent(lengths: [1, 2, 4], values: values))
    let roundings = Roundings([1, 2, 4], values, power: 0)
    let margin = 12.706 * 3.0.squareRoot()
    #expect(abs(exponent.value) <= roundings.ofSlope)
    #expect(abs(exponent.margin - margin) <= roundings.ofMargin(t: 12.706) + 8 * 0x1p-53 * margin)
    #expect(exponent.text == "0.00 ± 22.01")
  }

  @Test("only the longest lengths count, and two are too few")
  func points() throws {
    let values = lengths.map { $0 < 1024 ? 1 : pow(Double($0), 2) }
    let exponent = try #require(Exponent(lengths: lengths, values: values))
    #expect(abs(exponent.value - 2) <= Roundings(lengths, values, power: 2).ofSlope)
    #expect(Exponent(lengths: [64, 128], values: [1, 2]) == nil)
  }

  @Test("every series has a name of its own, and takes an input of any length")
  func series() {
    #expect(Set(growthSeries.map(\.name)).count == growthSeries.count)
    for series in growthSeries { series.body(series.input(length: 2)) }
  }

  @Test("the keys are those of the schema")
  func schema() throws {
    let points = lengths.map { length in
      Growth.Point(length: length, seconds: Spread([Double(length)]), peakKiB: Double(length) * 10)
    }
    let growth = Growth(
      GrowthSeries("Family", "variant", .naive) { _ in }, threads: 1, points: points)
    let object = try #require(
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(growth)) as? [String: Any])
    #expect(
      object.keys.sorted() == [
        "family", "memoryExponent", "points", "side", "threads", "timeExponent", "variant",
      ])
    let point = try #require((object["points"] as? [[String: Any]])?.first)
    #expect(point.keys.sorted() == ["length", "peakKiB", "seconds"])
    #expect((object["timeExponent"] as? [String: Any])?.keys.sorted() == ["margin", "value"])
    #expect(object["side"] as? String == "naive")
  }

  @Test("memory is fitted only where it exceeds the noise of counting pages")
  func memory() {
    let points = lengths.map { length in
      Growth.Point(
        length: length, seconds: Spread([Double(length)]),
        peakKiB: length < 1024 ? 511 : Double(length) * 4)
    }
    let series = GrowthSeries("Family", "variant", .kernel) { _ in }
    let growth = Growth(series, threads: 1, points: points)
    #expect(growth.timeExponent?.text == "1.00 ± 0.00")
    #expect(growth.memoryExponent?.text == "1.00 ± 0.00")
    #expect(Growth(series, threads: 1, points: Array(points[..<6])).memoryExponent == nil)
  }
}

/// What roundings may do to the fit of a line y = a + b x.
///
/// With u = 2⁻⁵³, logarithms up to M are off by 3uM at most, whatever was rounded before them, x − x̄ by
/// 10uM and y − ȳ by 13uM. S_xy and S_xx take these times Σ |x − x̄| and 6u of themselves, the slope all
/// of it divided by S_xx; a residue takes what y − ȳ, the slope and x − x̄ are off by, and 3u of each.
private struct Roundings {
  let ofSlope: Double
  private let ofResidue: Double
  private let count: Double
  private let sxx: Double

  init(_ lengths: [Int], _ values: [Double], power b: Double) {
    let u = 0x1p-53
    let x = lengths.suffix(Exponent.longest).map { log(Double($0)) }
    let y = values.suffix(Exponent.longest).map { log($0) }
    let largest = (x + y).map(abs).max()!
    count = Double(x.count)
    let mean = x.reduce(0, +) / count
    let deviations = x.map { abs($0 - mean) }
    sxx = deviations.reduce(0) { $0 + $1 * $1 }
    ofSlope = (13 + 30 * b) * u * largest * deviations.reduce(0, +) / sxx + 13 * u * b
    ofResidue =
      (13 + 10 * b) * u * largest + ofSlope * deviations.max()! + 3 * u * (1 + b) * largest
  }

  /// Of t √(S_εε / (k − 2) / S_xx), to which a residue brings no more than it is off by.
  func ofMargin(t: Double) -> Double {
    t * (count / (count - 2) / sxx).squareRoot() * ofResidue
  }
}
