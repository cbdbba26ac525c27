import Foundation

/// The table that a person reads.
enum Report {
  private static let columns = [
    ("topic", 18), ("shape", 19), ("threads", -7), ("naive ms", -11), ("kernel ms", -10),
    ("speed-up", -10), ("GFLOP/s", -8), ("GB/s", -7), ("% of limit", -10), ("× 1 thread", -10),
    ("error ÷ bound", -13), ("rows checked", -14),
  ]

  static var header: String {
    line(columns.map(\.0)) + "\n"
      + columns.map { String(repeating: "─", count: abs($0.1)) }
      .joined(separator: "  ")
  }

  static func line(for row: Row) -> String {
    let approximately = row.naiveShape == nil ? "" : "~"
    return line([
      row.topic, row.shape, String(row.threads),
      milliseconds(row.naiveSeconds) + (row.naiveShape == nil ? "" : "*"),
      milliseconds(row.kernelSeconds), approximately + decimal(row.speedup, 1),
      row.gflops.map { decimal($0, 1) } ?? "", row.gbs.map { decimal($0, 1) } ?? "",
      decimal(row.fractionOfPeak * 100, 1), row.gainOverOneThread.map { decimal($0, 2) } ?? "",
      row.agrees ? decimal(row.maxErrorOverBound ?? .nan, 3) : "DISAGREES",
      row.rowsChecked == row.rowsOf ? "all" : "\(row.rowsChecked) of \(row.rowsOf)",
    ])
  }

  /// What the columns mean, and the sizes at which the naive side was timed.
  static func legend(_ rows: [Row], machine: MachineFigures) -> String {
    var lines = [
      "",
      "\(machine.cpu), \(machine.threads) threads at most.",
      "Peak: \(machine.figures).",
      "% of limit: of multiply-adds in registers, or of a memcpy of the row's own bytes, timed in "
        + "turns with the kernel.",
      "Rows checked: compared with the equation in Double; an error above its bound is an error.",
    ]
    for row in rows where row.naiveShape != nil && row.threads == rows.first?.threads {
      lines.append(
        "* \(row.topic) \(row.shape): naive timed at \(row.naiveShape!), speed-up per unit of work."
      )
    }
    for row in rows {
      guard let extra = row.extraKiBPerThread else { continue }
      lines.append(
        "\(row.topic) \(row.shape), \(row.threads) threads: \(decimal(extra, 0)) KiB a thread beyond "
          + "inputs and output.")
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

  init(threads counts: [Int], maximum: Int) {
    cpu = Machine.processor
    threads = maximum
    let copy = Machine.Copy(bytes: Machine.memoryBytes)
    for count in counts {  // gets the threads going
      for _ in 0..<20 { _ = Machine.operationsPerSecond(threads: count) }
    }
    peakGFLOPS = Dictionary(
      uniqueKeysWithValues: counts.map { count in
        (count, median((0..<9).map { _ in Machine.operationsPerSecond(threads: count) }) / 1e9)
      })
    memcpyGBs = Dictionary(
      uniqueKeysWithValues: counts.map { count in
        (count, median((0..<5).map { _ in copy.bytesPerSecond(threads: count) }) / 1e9)
      })
  }

  var figures: String {
    peakGFLOPS.keys.sorted().map { count in
      "\(Report.decimal(peakGFLOPS[count]!, 1)) GFLOP/s and \(Report.decimal(memcpyGBs[count]!, 1)) "
        + "GB/s of memcpy beyond the caches with \(count) thread\(count == 1 ? "" : "s")"
    }.joined(separator: ", ")
  }
}

/// The figures as other programs read them; `Benchmarks/README.md` has the schema.
struct JSONReport: Encodable {
  let format = 1
  let machine: MachineFigures
  let rows: [Row]

  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(self).write(to: URL(filePath: path), options: .atomic)
  }
}
