import Foundation

/// What the command line asks for.
struct Options {
  enum Command: String {
    case table
    case memory
    case serve

    /// The options that mean something here.
    var options: Set<String> {
      switch self {
      case .table: ["--filter", "--threads", "--quick", "--json", "--compare", "--list"]
      case .memory: ["--filter", "--threads"]
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
  var lists = false
  var helps = false

  static let help = """
    swift run bench [options]

    Checks each kernel against its equation, then times both, and prints a table.

      --filter TEXT   only the rows whose topic and shape contain TEXT, or the one row of this name;
                      case and spaces do not matter, and x stands for ×
      --threads N     only with N threads; one thread and all cores otherwise
      --quick         one row of each topic, few repetitions: under 25 seconds
      --json FILE     writes the figures to FILE too
      --compare FILE  says which rows changed beyond the noise since FILE was written by --json
      --list          prints the rows' names and measures nothing
      --help          prints this

    swift run bench serve     answers requests for single timings on standard input, as they are
                              described in Benchmarks/Harness/Serve.swift
    swift run bench memory --filter ROW [--threads N]
                              prints the KiB a thread that a kernel needs beyond inputs and output

    Exit status: 0, 1 if a kernel disagrees with its equation, 2 if the command line is wrong or
    a file cannot be read or written.
    """

  init(_ arguments: [String], cores: Int) throws(UsageError) {
    threads = cores > 1 ? [1, cores] : [1]
    var rest = arguments[...]
    if let first = rest.first, let command = Command(rawValue: first), command != .table {
      self.command = command
      rest = rest.dropFirst()
    }
    while let argument = rest.popFirst() {
      switch argument {
      case "--help", "-h": helps = true
      case _ where !command.options.contains(argument):
        let subject = command == .table ? "there is" : "\(command.rawValue) has"
        throw UsageError("\(subject) no option \"\(argument)\"; --help lists them")
      case "--quick": isQuick = true
      case "--list": lists = true
      case "--filter": filter = try value(of: argument, from: &rest)
      case "--json": json = try value(of: argument, from: &rest)
      case "--compare": compare = try value(of: argument, from: &rest)
      default:  // --threads
        let text = try value(of: argument, from: &rest)
        guard let count = Int(text), (1...1024).contains(count) else {
          throw UsageError("--threads takes a number from 1 to 1024: got \"\(text)\"")
        }
        threads = [count]
      }
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
