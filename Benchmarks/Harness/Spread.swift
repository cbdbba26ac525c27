/// The middle of repeated measurements, and how far they spread.
struct Spread: Codable, Equatable {
  let median: Double
  /// What a quarter of the measurements does not reach.
  let lowerQuartile: Double
  /// What a quarter of the measurements exceeds.
  let upperQuartile: Double
  /// How many measurements there were.
  let samples: Int

  /// Sums up at least one measurement.
  init(_ values: [Double]) {
    let sorted = values.sorted()
    median = quantile(0.5, of: sorted)
    lowerQuartile = quantile(0.25, of: sorted)
    upperQuartile = quantile(0.75, of: sorted)
    samples = values.count
  }

  /// Half of what lies between the quartiles, in percent of the median.
  var percent: Double { (upperQuartile - lowerQuartile) / median * 50 }

  /// Where ordinary measurements lie: at most 1.5 times the distance of the quartiles beyond them.
  ///
  /// Source: J. Tukey, "Exploratory Data Analysis", 1977. Of a normal distribution 0.7 % lie outside.
  var fences: ClosedRange<Double> {
    let reach = 1.5 * (upperQuartile - lowerQuartile)
    return lowerQuartile - reach...upperQuartile + reach
  }
}

func median(_ values: [Double]) -> Double { quantile(0.5, of: values.sorted()) }

/// What a share p of the values does not exceed, read off the straight line between neighbours.
private func quantile(_ p: Double, of sorted: [Double]) -> Double {
  let position = p * Double(sorted.count - 1)
  let (below, above) = (sorted[Int(position)], sorted[min(Int(position) + 1, sorted.count - 1)])
  return below + (above - below) * (position - position.rounded(.down))
}
