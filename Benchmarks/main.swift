import Foundation

func run() throws -> Int32 {
  let cores = ProcessInfo.processInfo.activeProcessorCount
  let options = try Options(Array(CommandLine.arguments.dropFirst()), cores: cores)
  if options.helps {
    print(Options.help)
    return 0
  }
  switch options.command {
  case .table:
    let chosen = try options.chosen(from: benchmarks, by: \.name)
    if options.lists {
      for benchmark in chosen { print(benchmark.name) }
      return 0
    }
    return try table(of: chosen, options, cores: cores)
  case .serve: try serve(benchmarks)
  case .memory:
    let chosen = try options.chosen(from: benchmarks, by: \.name)
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
  // What cannot be read or written is said before minutes of work, not after.
  let old = try options.compare.map {
    try readJSON(Figures.self, from: $0, format: Figures.currentFormat)
  }
  if let path = options.json { try requireWritable(file: path) }
  let machine = measureMachine(options, cores: cores)
  let rows = measureRows(of: chosen, options) { print($0) }
  print((["\n"] + Table.legend(rows, machine: machine)).joined(separator: "\n"))
  let figures = Figures(machine: machine, rows: rows)
  if let path = options.json { try figures.write(to: path) }
  if let old, let path = options.compare {
    print("\n" + Comparison(from: old.rows, to: rows).text(old: path))
    if old.machine.cpu != machine.cpu {
      print("It was measured on another machine: \(old.machine.cpu).")
    }
  }
  return rows.allSatisfy(\.agrees) ? 0 : 1
}

func measureMachine(_ options: Options, cores: Int) -> MachineFigures {
  showProgress("the machine's limits")
  defer { showProgress("") }
  return MachineFigures(threads: options.threads, maximum: cores)
}

/// Measures the benchmarks, and hands on the lines of the table as they become known.
func measureRows(
  of chosen: [Benchmark], _ options: Options, print: (String) -> Void
) -> [Row] {
  let effort = options.isQuick ? Effort.quick : .full
  var sessions = (options.isQuick ? oneOfEachTopic(chosen) : chosen).map {
    Session($0, threads: options.threads, effort)
  }
  print(Table.header)
  for pass in 1...effort.passes {
    for index in sessions.indices {
      let session = sessions[index]
      showProgress(
        "pass \(pass) of \(effort.passes), \(index + 1) of \(sessions.count): "
          + session.benchmark.name)
      sessions[index].measure()
      showProgress("")
      guard pass == effort.passes else { continue }
      let family = session.benchmark.family
      if index == 0 || sessions[index - 1].benchmark.family != family { print("\n\(family)") }
      for row in sessions[index].rows { print(Table.line(for: row)) }
    }
  }
  return sessions.flatMap(\.rows)
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
