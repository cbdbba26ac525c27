import Foundation
import Kernels

func run() throws -> Int32 {
  let cores = ProcessInfo.processInfo.activeProcessorCount
  let options = try Options(Array(CommandLine.arguments.dropFirst()), cores: cores)
  if options.helps {
    print(Options.help)
    return 0
  }
  let chosen = try options.chosen(from: benchmarks)
  if options.lists {
    for benchmark in chosen { print(benchmark.name) }
    return 0
  }
  switch options.command {
  case .table: return try table(of: chosen, options, cores: cores)
  case .serve: try serve(chosen)
  case .memory:
    guard chosen.count == 1 else {
      throw UsageError("memory takes one row: \"\(options.filter)\" leaves \(chosen.count)")
    }
    let extra = extraMemory(of: chosen[0].prepare(), threads: options.threads.last!)
    print(extra.map { "\($0)" } ?? "unknown")
  }
  return 0
}

/// Measures and prints row after row; 1 if one disagrees.
func table(of chosen: [Benchmark], _ options: Options, cores: Int) throws -> Int32 {
  if let path = options.json, !JSONReport.canBeWritten(to: path) {
    throw UsageError("\(path) cannot be written")  // before minutes of work, not after
  }
  showProgress("the machine's limits")
  let machine = MachineFigures(threads: options.threads, maximum: cores)
  showProgress("")
  print(Report.header)
  var rows: [Row] = []
  for (index, benchmark) in chosen.enumerated() {
    showProgress("\(index + 1) of \(chosen.count): \(benchmark.name)")
    let measured = measure(
      benchmark, threads: options.threads, effort: options.isQuick ? .quick : .full)
    showProgress("")
    for row in measured { print(Report.line(for: row)) }
    rows += measured
  }
  print(Report.legend(rows, machine: machine))
  if let path = options.json { try JSONReport(machine: machine, rows: rows).write(to: path) }
  return rows.allSatisfy(\.agrees) ? 0 : 1
}

/// Writes over the line of progress, where somebody is looking.
func showProgress(_ text: String) {
  guard isatty(STDERR_FILENO) == 1 else { return }
  FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8))
}

do {
  exit(try run())
} catch {
  let sentence = (error as? UsageError)?.sentence ?? error.localizedDescription
  FileHandle.standardError.write(Data("bench: \(sentence)\n".utf8))
  exit(2)
}
