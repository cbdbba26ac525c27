import Kernels
import Notation

/// A function whose cost is measured over lengths.
struct GrowthSeries {
  enum Side: String, Codable {
    /// The equation in Float.
    case naive
    case kernel
  }

  let family: String
  /// What it is within the family, on either side.
  let variant: String
  let side: Side
  /// What is timed, of n positions in a tensor of n × 64.
  let body: (Tensor<Float>) -> Void

  var name: String { "\(family), \(variant), \(side)" }

  init(
    _ family: String, _ variant: String, _ side: Side, _ body: @escaping (Tensor<Float>) -> Void
  ) {
    (self.family, self.variant, self.side, self.body) = (family, variant, side, body)
  }

  /// The input of a length.
  func input(length: Int) -> Tensor<Float> {
    var stream = RandomStream(seed: UInt64(length))
    return .normal([length, GrowthSeries.width], from: &stream)
  }

  static let width = 64
}

/// What a series costs.
struct Growth: Codable, Equatable {
  struct Point: Codable, Equatable {
    let length: Int
    let seconds: Spread
    /// What is resident at the peak of a call beyond the inputs; absent where the system does not tell.
    let peakKiB: Double?
  }

  let family: String
  let variant: String
  let side: GrowthSeries.Side
  let threads: Int
  let points: [Point]
  let timeExponent: Exponent?
  let memoryExponent: Exponent?

  var name: String { "\(family), \(variant), \(side)" }

  /// The KiB from which on memory is fitted: pages are counted in batches, some 200 KiB.
  static let leastKiB = 1024.0

  init(_ series: GrowthSeries, threads: Int, points: [Point]) {
    (family, variant, side) = (series.family, series.variant, series.side)
    (self.threads, self.points) = (threads, points)
    timeExponent = Exponent(lengths: points.map(\.length), values: points.map(\.seconds.median))
    let large = points.filter { ($0.peakKiB ?? 0) >= Growth.leastKiB }
    memoryExponent = Exponent(lengths: large.map(\.length), values: large.map { $0.peakKiB! })
  }
}

/// How far a series is followed.
struct GrowthEffort {
  /// The seconds that a call may take; longer lengths are left out.
  let patience: Double
  /// The seconds for each length, at least three calls unless they exhaust the patience.
  let budget: Double

  static let full = GrowthEffort(patience: 4, budget: 0.3)
  static let quick = GrowthEffort(patience: 0.06, budget: 0.02)
}

extension GrowthSeries {
  static let lengths = (6...14).map { 1 << $0 }

  /// Measures length after length, as long as the next one cannot be expected to take too long.
  func measured(
    threads: Int, _ effort: GrowthEffort, progress: (Int) -> Void = { _ in }
  ) -> Growth {
    var points: [Growth.Point] = []
    for length in GrowthSeries.lengths {
      if let last = points.last?.seconds.median {
        // As many times longer as the last one was than the one before, at least twice.
        let before = points.dropLast().last?.seconds.median ?? last / 4
        if last * max(2, last / before) > effort.patience { break }
      }
      progress(length)
      let times = time(length, threads: threads, effort)
      let kibibytes = memoryOfChild([
        "--filter", name, "--length", String(length), "--threads", String(threads),
      ])
      points.append(
        Growth.Point(length: length, seconds: Spread(times), peakKiB: kibibytes))
    }
    return Growth(self, threads: threads, points: points)
  }

  /// The seconds of each call, without the first where others follow.
  private func time(_ length: Int, threads: Int, _ effort: GrowthEffort) -> [Double] {
    let x = input(length: length)
    var (times, sum): ([Double], Double) = ([], 0)
    while times.isEmpty || sum < effort.budget || (times.count < 4 && sum < effort.patience) {
      times.append(Threads.$count.withValue(threads) { seconds { body(x) } })
      sum += times.last!
    }
    return times.count > 1 ? Array(times.dropFirst()) : times
  }
}

// MARK: - Text

extension Growth {
  /// A table of times or of memory, a line for each series, a column for each length.
  enum Table {
    /// What stands above the columns.
    static func titles(_ unit: String) -> [String] {
      [unit] + GrowthSeries.lengths.map(String.init) + ["exponent"]
    }

    static func times(_ growth: Growth) -> [String] {
      [growth.name] + growth.cells { milliseconds($0.seconds.median) }
        + [growth.timeExponent?.text ?? ""]
    }

    static func memory(_ growth: Growth) -> [String] {
      [growth.name] + growth.cells { $0.peakKiB.map { decimal($0 / 1024, 1) } ?? "" }
        + [growth.memoryExponent?.text ?? ""]
    }

    static func line(_ cells: [String]) -> String {
      let widths = [36] + GrowthSeries.lengths.map { _ in -7 } + [-14]
      return zip(cells, widths).map(padded).joined(separator: "  ")
    }

    static func legend(threads: Int) -> [String] {
      [
        "Width \(GrowthSeries.width), one head, 256 inside, \(threadCount(threads)). Exponent: of the "
          + "power of the length, fitted to the \(Exponent.longest) longest; ± holds 95 %.",
        "Memory: at the peak of a call in a process of its own, beyond the input, output included; "
          + "fitted from \(decimal(leastKiB / 1024, 0)) MiB on, since pages are counted in batches.",
      ]
    }
  }

  /// A text for each length; empty for lengths that were not reached.
  private func cells(_ text: (Point) -> String) -> [String] {
    GrowthSeries.lengths.map { length in
      points.first { $0.length == length }.map(text) ?? ""
    }
  }
}
