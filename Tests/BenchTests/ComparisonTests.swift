import Notation
import Testing

@testable import bench

@Suite("Two runs differ only by more than their noise")
struct ComparisonTests {
  @Test("quartiles are read off the line between neighbours")
  func quartiles() {
    let spread = Spread([4, 1, 3, 2, 5])
    #expect((spread.lowerQuartile, spread.median, spread.upperQuartile) == (2, 3, 4))
    #expect(spread.samples == 5 && spread.fences == -1...7)
    #expect(Spread([1, 2]).lowerQuartile == 1.25 && Spread([7]).upperQuartile == 7)
    #expect(Spread([9, 10, 11, 12, 13]).percent == 100.0 / 11)
  }

  /// Shares of the limit around a middle, with a noise and a few samples that were interrupted.
  private func shares(
    around middle: Double, noise: Double, _ count: Int, from stream: inout RandomStream
  ) -> [Double] {
    (0..<count).map { _ in
      let share = middle * (1 + noise * stream.normal())
      return stream.uniform() < 0.05 ? share * 0.6 : share
    }
  }

  private func comparison(
    _ old: Double, _ new: Double, noise: Double, samples: Int, seed: UInt64, rows count: Int
  ) -> Comparison {
    var stream = RandomStream(seed: seed)
    func rows(around middle: Double) -> [Row] {
      (0..<count).map { index in
        .example(
          topic: "\(index)",
          shares: shares(around: middle, noise: noise, samples, from: &stream))
      }
    }
    let before = rows(around: old)
    return Comparison(from: before, to: rows(around: new))
  }

  @Test("two runs of the same are not told apart", arguments: [9, 30, 200])
  func same(samples: Int) {
    let comparison = comparison(0.8, 0.8, noise: 0.03, samples: samples, seed: 1, rows: 500)
    #expect(comparison.changed.isEmpty)
    #expect(comparison.changed.count + comparison.unchanged.count == 500)
  }

  @Test("what is beyond the noise is found", arguments: [0.6, 1.6])
  func different(factor: Double) {
    let comparison = comparison(
      0.5, 0.5 * factor, noise: 0.03, samples: 60, seed: 2, rows: 100)
    #expect(comparison.changed.count == 100)
    #expect(comparison.changed.allSatisfy { abs($0.factor / factor - 1) < 0.05 })
  }

  @Test("a noisy run hides what a quiet one would show")
  func oneNoisyRun() {
    let quiet = Row.example(shares: (0..<9).map { 0.8 + 0.001 * Double($0) })
    let slower = Row.example(shares: (0..<9).map { 0.7 + 0.001 * Double($0) })
    let noisy = Row.example(shares: (0..<9).map { 0.5 + 0.05 * Double($0) })
    #expect(Comparison(from: [quiet], to: [slower]).changed.count == 1)
    #expect(Comparison(from: [quiet], to: [noisy]).changed.isEmpty)
    #expect(Comparison(from: [noisy], to: [slower]).changed.isEmpty)
  }

  @Test("neither a slower machine nor a faster memcpy is a change of the kernel")
  func drift() {
    let row = Row.example(shares: (0..<9).map { 0.8 + 0.001 * Double($0) })
    var (slower, lower) = (row, row)
    slower.kernelSeconds = Spread((0..<9).map { 0.02 + 0.0001 * Double($0) })
    lower.shareOfLimit = Spread((0..<9).map { 0.6 + 0.001 * Double($0) })
    for other in [slower, lower] {
      #expect(Comparison(from: [row], to: [other]).unchanged.count == 1)
    }
  }

  @Test("a short call must have changed by more than processes differ")
  func shortCalls() {
    func row(_ seconds: Double, share: Double) -> Row {
      var row = Row.example(shares: (0..<9).map { share + 0.0001 * Double($0) })
      row.kernelSeconds = Spread((0..<9).map { seconds * (1 + 0.0001 * Double($0)) })
      return row
    }
    for (seconds, factor, changed) in [(5e-6, 1.2, 0), (5e-6, 1.3, 1), (2e-5, 1.2, 1)] {
      let comparison = Comparison(
        from: [row(seconds, share: 0.5)], to: [row(seconds * factor, share: 0.5 / factor)])
      #expect(comparison.changed.count == changed)
    }
  }

  @Test("rows with few samples or of other work are not judged, new ones are counted")
  func incomparable() {
    let enough = (0..<9).map { 0.8 + 0.001 * Double($0) }
    let few = Row.example(topic: "few", shares: [0.1, 0.2])
    let row = Row.example(topic: "row", shares: enough)
    var other = row
    other.bytes *= 2
    let comparison = Comparison(from: [few, other], to: [few, row, .example(topic: "new")])
    #expect(comparison.incomparable.count == 2 && comparison.added.map(\.topic) == ["new"])
    #expect(
      comparison.text(old: "a.json")
        == "Compared with a.json: 0 of 0 rows changed beyond the noise; 2 not judged "
        + "(below 9 samples, or counted in another way); 1 new.")
  }
}
