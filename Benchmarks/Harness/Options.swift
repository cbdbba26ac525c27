import Foundation

/// What the command line asks for.
struct Options {
  enum Command: String {
    case table
    case memory
    case serve
  }

  var command = Command.table
  var filter = ""
  var threads: [Int]
  var isQuick = false
  var json: String?
  var lists = false
  var helps = false

  static let help = """
    swift run bench [options]

    Checks each kernel against its equation, then times both, and prints a table.

      --filter TEXT   only the rows whose topic or shape contains TEXT
      --threads N     only with N threads; one thread and all cores otherwise
      --quick         fewer repetitions: under 20 seconds
      --json FILE     writes the figures to FILE too
      --list          prints the rows' names and measures nothing
      --help          prints this

    swift run bench serve     answers requests for single timings; Benchmarks/Peers uses it
    swift run bench memory    prints what the longest attention needs beyond inputs and output, KiB a
                              thread
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
      case "--quick": isQuick = true
      case "--list": lists = true
      case "--help", "-h": helps = true
      case "--filter": filter = try value(of: argument, from: &rest)
      case "--json": json = try value(of: argument, from: &rest)
      case "--threads":
        let text = try value(of: argument, from: &rest)
        guard let count = Int(text), (1...1024).contains(count) else {
          throw UsageError("--threads takes a number from 1 to 1024: got \"\(text)\"")
        }
        threads = [count]
      default: throw UsageError("there is no option \"\(argument)\"; --help lists them")
      }
    }
  }

  private func value(
    of option: String, from rest: inout ArraySlice<String>
  ) throws(UsageError) -> String {
    guard let value = rest.popFirst() else { throw UsageError("\(option) takes a value") }
    return value
  }
}

/// A command line that asks for what there is not.
struct UsageError: Error {
  let sentence: String

  init(_ sentence: String) { self.sentence = sentence }
}
