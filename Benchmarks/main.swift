import Foundation

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
    print(try memory(options).map { "\($0)" } ?? "unknown")
    return 0
  case .table, .growth, .report: return try measure(options, cores: cores)
  }
}

/// The KiB that one row or series needs.
func memory(_ options: Options) throws -> Double? {
  func one<Thing>(_ things: [Thing]) throws -> Thing {
    guard things.count == 1 else {
      throw UsageError("memory takes one row: \"\(options.filter)\" leaves \(things.count)")
    }
    return things[0]
  }
  let threads = options.threads.last!
  guard let length = options.length else {
    let benchmark = try one(options.chosen(from: benchmarks, by: \.name))
    return extraMemory(of: benchmark.prepare(), threads: threads)
  }
  let series = try one(options.chosen(from: growthSeries, by: \.name))
  return peakMemory(of: series, length: length, threads: threads)
}

/// Measures what the options ask for, prints it and writes the files; 1 if a kernel disagrees.
func measure(_ options: Options, cores: Int) throws -> Int32 {
  let (hasRows, hasGrowth) = (options.command != .growth, options.command != .table)
  let rows = hasRows ? try options.chosen(from: benchmarks, by: \.name) : []
  // A report has the growth of everything, whatever rows it is limited to.
  let series =
    options.command == .growth
    ? try options.chosen(from: growthSeries, by: \.name) : hasGrowth ? growthSeries : []
  if options.lists {
    for name in rows.map(\.name) + series.map(\.name) { print(name) }
    return 0
  }
  // What cannot be read or written is said before minutes of work, not after.
  let old = try options.compare.map {
    try readJSON(Figures.self, from: $0, format: Figures.currentFormat)
  }
  let peers = try options.peers.map {
    try readJSON(Peers.self, from: $0, format: Peers.currentFormat)
  }
  if let path = options.json { try requireWritable(file: path) }
  for path in [options.svg, options.directory].compactMap(\.self) {
    try requireWritable(directory: path)
  }

  showProgress("the machine's limits")
  var figures = Figures(machine: MachineFigures(threads: options.threads, maximum: cores))
  showProgress("")
  print(figures.machine.sentence)
  if hasRows { figures.rows = measureRows(rows, options) }
  if hasGrowth { figures.growth = measureGrowth(series, options) }

  if let path = options.json { try figures.write(to: path) }
  if let path = options.svg { try write(charts(of: figures, peers), to: path) }
  if let path = options.directory, let date = options.date {
    try Report(figures, peers, date: date, isQuick: options.isQuick).write(to: path)
  }
  if let old, let path = options.compare {
    print("\n" + Comparison(from: old.rows, to: figures.rows).text(old: path))
    if old.machine.cpu != figures.machine.cpu {
      print("It was measured on another machine: \(old.machine.cpu).")
    }
  }
  return figures.rows.allSatisfy(\.agrees) ? 0 : 1
}

/// Measures the benchmarks, and prints the lines of the table as they become known.
func measureRows(_ chosen: [Benchmark], _ options: Options) -> [Row] {
  let effort = options.isQuick ? Effort.quick : .full
  var sessions = (options.isQuick ? oneOfEachTopic(chosen) : chosen).map {
    Session($0, threads: options.threads, effort)
  }
  print("\n" + Table.header)
  for pass in 1...effort.passes {
    for index in sessions.indices {
      let benchmark = sessions[index].benchmark
      showProgress(
        "pass \(pass) of \(effort.passes), \(index + 1) of \(sessions.count): \(benchmark.name)")
      sessions[index].measure()
      showProgress("")
      guard pass == effort.passes else { continue }
      if index == 0 || sessions[index - 1].benchmark.family != benchmark.family {
        print("\n\(benchmark.family)")
      }
      for row in sessions[index].rows { print(Table.line(for: row)) }
    }
  }
  let rows = sessions.flatMap(\.rows)
  print("\n" + Table.legend(rows).joined(separator: "\n"))
  return rows
}

/// Measures the series, and prints their times as they become known, then their memory.
func measureGrowth(_ series: [GrowthSeries], _ options: Options) -> [Growth] {
  let effort = options.isQuick ? GrowthEffort.quick : .full
  let threads = options.threads[0]
  print("\n" + Growth.Table.line(Growth.Table.titles("ms at length")))
  let growth = series.map { series in
    let growth = series.measured(threads: threads, effort) { length in
      showProgress("\(series.name): length \(length)")
    }
    showProgress("")
    print(Growth.Table.line(Growth.Table.times(growth)))
    return growth
  }
  print("\n" + Growth.Table.line(Growth.Table.titles("MiB at length")))
  for growth in growth { print(Growth.Table.line(Growth.Table.memory(growth))) }
  print("\n" + Growth.Table.legend(threads: threads).joined(separator: "\n"))
  return growth
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
