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
    #expect(abs(exponent.value - power) < 1e-12 && exponent.margin < 1e-11)
  }

  @Test("the margin is Student's, for a line that three points miss by one part each")
  func margin() throws {
    // Logarithms −1, 0, 1 against 1, −2, 1: slope 0, residues 1, −2, 1, S_xx = 2, S_εε = 6.
    let exponent = try #require(
      Exponent(lengths: [1, 2, 4], values: [1, -2, 1].map { pow(2, $0) }))
    #expect(abs(exponent.value) < 1e-12)
    #expect(abs(exponent.margin - 12.706 * 3.0.squareRoot()) < 1e-9)
    #expect(exponent.text == "0.00 ± 22.01")
  }

  @Test("only the longest lengths count, and two are too few")
  func points() throws {
    let values = lengths.map { $0 < 1024 ? 1 : pow(Double($0), 2) }
    #expect(abs(try #require(Exponent(lengths: lengths, values: values)).value - 2) < 1e-12)
    #expect(Exponent(lengths: [64, 128], values: [1, 2]) == nil)
  }

  @Test("every series has a name of its own, and takes an input of any length")
  func series() {
    #expect(Set(growthSeries.map(\.name)).count == growthSeries.count)
    for series in growthSeries { series.body(series.input(length: 2)) }
  }

  @Test("memory is fitted only where it exceeds the noise of counting pages")
  func memory() {
    let points = lengths.map { length in
      Growth.Point(
        length: length, seconds: Spread([Double(length)]),
        peakKiB: length < 1024 ? 200 : Double(length) * 4)
    }
    let series = GrowthSeries("Family", "variant", .kernel) { _ in }
    let growth = Growth(series, threads: 1, points: points)
    #expect(growth.timeExponent?.text == "1.00 ± 0.00")
    #expect(growth.memoryExponent?.text == "1.00 ± 0.00")
    #expect(Growth(series, threads: 1, points: Array(points[..<6])).memoryExponent == nil)
  }
}
