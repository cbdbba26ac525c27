import Foundation
import Kernels

func run() throws -> Int32 {
  let cores = ProcessInfo.processInfo.activeProcessorCount
  let options = try Options(Array(CommandLine.arguments.dropFirst()), cores: cores)
  if options.helps {
    print(Options.help)
    return 0
  }
  switch options.command {
  case .serve:
    try serve(benchmarks)
    return 0
  case .memory:
    #if os(Linux)
      print(extraMemory(threads: options.threads[0]))
      return 0
    #else
      throw UsageError("memory is measured on Linux only")
    #endif
  case .table: break
  }

  let chosen = benchmarks.filter {
    options.filter.isEmpty || $0.name.localizedCaseInsensitiveContains(options.filter)
  }
  guard !chosen.isEmpty else {
    throw UsageError("no row contains \"\(options.filter)\"; --list prints all of them")
  }
  if options.lists {
    for benchmark in chosen { print(benchmark.name) }
    return 0
  }
  if let path = options.json {
    // Before minutes of work, not after.
    guard FileManager.default.createFile(atPath: path, contents: nil) else {
      throw UsageError("\(path) cannot be written")
    }
  }

  let machine = MachineFigures(threads: options.threads, maximum: cores)
  print(Report.header)
  var rows: [Row] = []
  for (index, benchmark) in chosen.enumerated() {
    showProgress("\(index + 1) of \(chosen.count): \(benchmark.name)")
    var measured = measure(
      benchmark, threads: options.threads, budget: options.isQuick ? 0.1 : 1.5)
    if benchmark.shape.contains("\(longLength)") {
      for i in measured.indices {
        measured[i].extraKiBPerThread = measureExtraMemory(threads: measured[i].threads)
      }
    }
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
} catch let error as UsageError {
  FileHandle.standardError.write(Data("bench: \(error.sentence)\n".utf8))
  exit(2)
} catch {
  FileHandle.standardError.write(Data("bench: \(error)\n".utf8))
  exit(2)
}
