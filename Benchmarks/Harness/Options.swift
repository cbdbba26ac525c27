import Foundation

/// What the command line asks for.
struct Options {
  enum Command: String {
    case table
    case growth
    case report
    case memory
    case serve

    /// The options that mean something here.
    var options: Set<String> {
      switch self {
      case .table:
        [
          "--filter", "--threads", "--quick", "--json", "--compare", "--svg", "--peers", "--list",
        ]
      case .growth: ["--filter", "--threads", "--quick", "--json", "--svg", "--list"]
      case .report: ["--filter", "--threads", "--quick", "--json", "--peers", "--date"]
      case .memory: ["--filter", "--threads", "--length"]
      case .serve: []
      }
    }
  }

  var command = Command.table
  var filter = ""
  var threads: [Int]
  var isQuick = false
  var json: String?
  var compare: String?
  var svg: String?
  var peers: String?
  /// Where the report goes.
  var directory: String?
  var date: String?
  var length: Int?
  var lists = false
  var helps = false

  static let help = """
    swift run bench [options]
        Checks each kernel against its equation, then times both, and prints a table.
    swift run bench growth [options]
        Measures time and memory over lengths from 64 to 16384, and fits exponents.
    swift run bench report DIR --date YYYY-MM-DD [options]
        Does both and writes report.html, report.md and the pictures to DIR.

      --filter TEXT   only the rows whose topic and shape contain TEXT, or the one row of this name;
                      case and spaces do not matter, and x stands for ×
      --threads N     only with N threads; otherwise one thread and all cores, growth one thread
      --quick         one row of each topic, short lengths, few repetitions: under 25 seconds
      --json FILE     writes the figures to FILE too
      --compare FILE  says which rows changed beyond the noise since FILE was written by --json
      --svg DIR       writes pictures to DIR
      --peers FILE    draws also what python Benchmarks/Peers --json FILE measured
      --list          prints the rows' names and measures nothing
      --help          prints this

    swift run bench serve
        Answers requests for single timings on standard input, as they are described in
        Benchmarks/Harness/Serve.swift.
    swift run bench memory --filter ROW [--threads N] [--length N]
        Prints the KiB a thread that a kernel needs beyond inputs and output; with --length, the KiB
        that a series of growth needs beyond its input.

    Exit status: 0, 1 if a kernel disagrees with its equation, 2 if the command line is wrong or
    a file cannot be read or written.
    """

  init(_ arguments: [String], cores: Int) throws(UsageError) {
    var rest = arguments[...]
    if let first = rest.first, let command = Command(rawValue: first), command != .table {
      self.command = command
      rest = rest.dropFirst()
    }
    threads = cores > 1 && command != .growth ? [1, cores] : [1]
    while let argument = rest.popFirst() {
      switch argument {
      case "--help", "-h": helps = true
      case _ where command == .report && directory == nil && !argument.hasPrefix("-"):
        directory = argument
      case _ where !command.options.contains(argument):
        let subject = command == .table ? "there is" : "\(command.rawValue) has"
        throw UsageError("\(subject) no option \"\(argument)\"; --help lists them")
      case "--quick": isQuick = true
      case "--list": lists = true
      case "--filter": filter = try value(of: argument, from: &rest)
      case "--json": json = try value(of: argument, from: &rest)
      case "--compare": compare = try value(of: argument, from: &rest)
      case "--svg": svg = try value(of: argument, from: &rest)
      case "--peers": peers = try value(of: argument, from: &rest)
      case "--date": date = try day(value(of: argument, from: &rest))
      case "--length": length = try number(upTo: 1 << 20, for: argument, from: &rest)
      default: threads = [try number(upTo: 1024, for: "--threads", from: &rest)]
      }
    }
    guard command != .report || helps || (directory != nil && date != nil) else {
      throw UsageError("report takes a folder and --date YYYY-MM-DD")
    }
  }

  /// The things that the filter leaves, at least one.
  func chosen<Thing>(from things: [Thing], by name: (Thing) -> String) throws(UsageError) -> [Thing]
  {
    func plain(_ text: String) -> String {
      text.lowercased().replacing("×", with: "x").filter { !$0.isWhitespace }
    }
    let wanted = plain(filter)
    let named = things.filter { plain(name($0)) == wanted }
    let chosen =
      named.isEmpty
      ? things.filter { wanted.isEmpty || plain(name($0)).contains(wanted) } : named
    guard !chosen.isEmpty else {
      throw UsageError("no row contains \"\(filter)\"; --list prints all of them")
    }
    return chosen
  }

  private func number(
    upTo most: Int, for option: String, from rest: inout ArraySlice<String>
  ) throws(UsageError) -> Int {
    let text = try value(of: option, from: &rest)
    guard let number = Int(text), (1...most).contains(number) else {
      throw UsageError("\(option) takes a number from 1 to \(most): got \"\(text)\"")
    }
    return number
  }

  /// A day of the calendar as it was given.
  private func day(_ text: String) throws(UsageError) -> String {
    // What no calendar has comes back as another day.
    let style = Date.ISO8601FormatStyle.iso8601.year().month().day()
    guard (try? Date(text, strategy: style))?.formatted(style) == text else {
      throw UsageError("--date takes a day as YYYY-MM-DD: got \"\(text)\"")
    }
    return text
  }

  private func value(
    of option: String, from rest: inout ArraySlice<String>
  ) throws(UsageError) -> String {
    guard let value = rest.popFirst() else { throw UsageError("\(option) takes a value") }
    return value
  }
}

/// A command line that asks for what there is not.
struct UsageError: Error, Equatable {
  let sentence: String

  init(_ sentence: String) { self.sentence = sentence }
}
