import Foundation

/// The table that a person reads.
enum Report {
  private static let columns = [
    ("topic", 18), ("shape", 19), ("threads", -7), ("naive ms", -10), ("kernel ms", -9),
    ("speed-up", -8), ("rate", -13), ("% of limit", -10), ("× 1 thread", -10),
    ("error ÷ bound", -13), ("rows checked", -13), ("KiB/thread", -10),
  ]

  static var header: String {
    line(columns.map(\.0)) + "\n"
      + columns.map { String(repeating: "─", count: abs($0.1)) }.joined(separator: "  ")
  }

  static func line(for row: Row) -> String {
    let isNaiveSmaller = row.naiveShape != nil
    let checked = row.rowsChecked == row.rowsOf ? "all" : "\(row.rowsChecked) of \(row.rowsOf)"
    return line([
      row.topic, row.shape, String(row.threads),
      milliseconds(row.naiveSeconds) + (isNaiveSmaller ? "*" : ""),
      milliseconds(row.kernelSeconds), (isNaiveSmaller ? "~" : "") + decimal(row.speedup, 1),
      row.gflops.map { "\(decimal($0, 1)) GFLOP/s" } ?? "\(decimal(row.gbs ?? .nan, 1)) GB/s",
      decimal(row.fractionOfPeak * 100, 1), row.gainOverOneThread.map { decimal($0, 2) } ?? "",
      row.maxErrorOverBound.map { decimal($0, 4) } ?? "none",
      row.agrees ? checked : "DISAGREES", row.extraKiBPerThread.map { decimal($0, 0) } ?? "",
    ])
  }

  /// What the columns mean, and the sizes at which the naive side was timed.
  static func legend(_ rows: [Row], machine: MachineFigures) -> String {
    var lines = [
      "",
      "\(machine.cpu), \(machine.threads) cores. \(machine.figures)",
      "% of limit: GFLOP/s against multiply-adds in registers, GB/s against a memcpy of the row's own",
      "footprint, in the cache where the row is; each timed in turns with the kernel.",
      "error ÷ bound: the largest of the rows checked, against the equation in Double; at most 1.",
    ]
    if rows.contains(where: { $0.extraKiBPerThread != nil }) {
      lines.append("KiB/thread: peak resident memory of a first call, beyond inputs and output.")
    }
    let smaller = rows.filter { $0.naiveShape != nil && $0.threads == rows[0].threads }
    if !smaller.isEmpty {
      lines.append("* naive timed at a smaller size; the speed-up (~) is per row of the output:")
      for row in smaller { lines.append("    \(row.topic) \(row.shape): \(row.naiveShape!)") }
    }
    return lines.joined(separator: "\n")
  }

  private static func line(_ cells: [String]) -> String {
    zip(cells, columns).map { cell, column in
      let padding = String(repeating: " ", count: max(0, abs(column.1) - cell.count))
      return column.1 < 0 ? padding + cell : cell + padding
    }.joined(separator: "  ")
  }

  private static func milliseconds(_ seconds: Double) -> String {
    decimal(seconds * 1000, seconds < 0.01 ? 4 : 2)
  }

  static func decimal(_ value: Double, _ places: Int) -> String {
    value.formatted(
      .number.precision(.fractionLength(places)).grouping(.never).locale(.init(identifier: "en_US"))
    )
  }
}

/// What the machine can do at best.
struct MachineFigures: Encodable {
  let cpu: String
  let threads: Int
  let peakGFLOPS: [Int: Double]
  let memcpyGBs: [Int: Double]

  /// Measures the machine with each number of threads.
  init(threads counts: [Int], maximum: Int) {
    cpu = Machine.processor
    threads = maximum
    let copy = Machine.Copy(bytes: Machine.memoryBytes)
    func figures(_ samples: Int, _ measure: (Int) -> Double) -> [Int: Double] {
      let figures = counts.map { n in median((0..<samples).map { _ in measure(n) }) / 1e9 }
      return Dictionary(uniqueKeysWithValues: zip(counts, figures))
    }
    peakGFLOPS = figures(51, Machine.operationsPerSecond)
    memcpyGBs = figures(5, copy.bytesPerSecond)
  }

  /// One sentence for each number of threads.
  var figures: String {
    peakGFLOPS.keys.sorted().map { count in
      "\(count) thread\(count == 1 ? "" : "s"): \(Report.decimal(peakGFLOPS[count]!, 1)) GFLOP/s, "
        + "memcpy beyond the caches \(Report.decimal(memcpyGBs[count]!, 1)) GB/s."
    }.joined(separator: " ")
  }
}

/// The figures as other programs read them; `Benchmarks/README.md` has the schema.
struct JSONReport: Encodable {
  let format = 1
  let machine: MachineFigures
  let rows: [Row]

  /// Whether a file can be made or replaced there; what stands there is not touched.
  static func canBeWritten(to path: String) -> Bool {
    let url = URL(filePath: path)
    if (try? url.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true { return false }
    return FileManager.default.isWritableFile(atPath: url.deletingLastPathComponent().path)
  }

  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(self).write(to: URL(filePath: path), options: .atomic)
  }
}
