import Foundation

/// The table that a person reads.
enum Table {
  private static let columns = [
    ("topic", 20), ("shape", 23), ("threads", -7), ("naive ms", -9), ("± %", -4),
    ("kernel ms", -9), ("± %", -4), ("speed-up", -8), ("rate", -13), ("% of limit", -10),
    ("× 1 thread", -10), ("error ÷ bound", -13), ("rows checked", -13),
  ]

  static let titles = columns.map(\.0)

  static var header: String {
    line(titles) + "\n"
      + columns.map { String(repeating: "─", count: abs($0.1)) }.joined(separator: "  ")
  }

  static func line(for row: Row) -> String { line(cells(for: row)) }

  /// The row's figures, column by column.
  static func cells(for row: Row) -> [String] {
    let isNaiveSmaller = row.naiveShape != nil
    let checked = row.rowsChecked == row.rowsOf ? "all" : "\(row.rowsChecked) of \(row.rowsOf)"
    return [
      row.topic, row.shape, String(row.threads),
      milliseconds(row.naiveSeconds.median) + (isNaiveSmaller ? "*" : ""),
      spread(row.naiveSeconds),
      milliseconds(row.kernelSeconds.median), spread(row.kernelSeconds),
      (isNaiveSmaller ? "~" : "") + decimal(row.speedup, 1), rate(of: row),
      decimal(row.shareOfLimit.median * 100, 1),
      row.gainOverOneThread.map { decimal($0, 2) } ?? "",
      row.maxErrorOverBound.map { decimal($0, 4) } ?? "none", row.agrees ? checked : "DISAGREES",
    ]
  }

  /// Three measurements have no quartiles to speak of.
  private static func spread(_ spread: Spread) -> String {
    spread.samples > 3 ? decimal(spread.percent, 0) : ""
  }

  private static func rate(of row: Row) -> String {
    let amount = row.limit == .memory ? row.bytes : row.operations ?? 0
    let unit = row.limit == .memory ? "GB/s" : "GFLOP/s"
    return "\(decimal(amount / row.kernelSeconds.median / 1e9, 1)) \(unit)"
  }

  /// What the columns mean, and the sizes at which the naive side was timed.
  static func legend(_ rows: [Row]) -> [String] {
    let smaller = rows.filter { $0.naiveShape != nil && $0.threads == rows[0].threads }
    let measured = rows.filter { $0.extraKiBPerThread != nil }
    return [
      "± %: half the distance of the quartiles from each other, as a share of the median before it.",
      "% of limit: of multiply-adds in registers, where the rate is GFLOP/s, or of a memcpy of as many "
        + "bytes, where it is GB/s: of what takes longer, timed in turns with the kernel.",
      "error ÷ bound: the largest of the rows checked, against the equation in Double; at most 1.",
    ]
      + measured.map { row in
        "\(row.name) needs \(decimal(row.extraKiBPerThread ?? 0, 0)) KiB a thread beyond inputs and "
          + "output, in a first call with \(threadCount(row.threads))."
      }
      + (smaller.isEmpty
        ? [] : ["* naive timed at a smaller size; the speed-up (~) is per unit of work:"])
      + smaller.map { "\($0.name): \($0.naiveShape!)" }
  }

  private static func line(_ cells: [String]) -> String {
    zip(cells, columns).map { cell, column in padded(cell, to: column.1) }.joined(separator: "  ")
  }
}

/// The text with spaces after it, or before it if the width is negative.
func padded(_ text: String, to width: Int) -> String {
  let padding = String(repeating: " ", count: max(0, abs(width) - text.count))
  return width < 0 ? padding + text : text + padding
}

func decimal(_ value: Double, _ places: Int) -> String {
  value.formatted(
    .number.precision(.fractionLength(places)).grouping(.never).locale(.init(identifier: "en_US")))
}

func milliseconds(_ seconds: Double) -> String {
  decimal(seconds * 1000, seconds < 0.01 ? 4 : seconds < 1 ? 2 : 0)
}

func threadCount(_ count: Int) -> String { "\(count) thread\(count == 1 ? "" : "s")" }

extension MachineFigures {
  /// The processor, then its figures for each number of threads.
  var sentence: String {
    let figures = peakGFLOPS.keys.sorted().map { count in
      "\(threadCount(count)): \(decimal(peakGFLOPS[count]!, 1)) GFLOP/s, "
        + "memcpy beyond the caches \(decimal(memcpyGBs[count] ?? .nan, 1)) GB/s."
    }
    return (["\(cpu), \(threads) cores."] + figures).joined(separator: " ")
  }
}
