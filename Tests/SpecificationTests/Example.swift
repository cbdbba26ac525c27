import Foundation
import Testing

/// One example of SPEC.md: names given to values, and claims about calls.
struct Example: Codable, Sendable, CustomTestStringConvertible {
  /// Its place among the examples, from 1.
  let number: Int
  /// The line of SPEC.md that it begins in.
  let firstLine: Int
  /// What stands between the fences.
  let text: String

  var testDescription: String { "example \(number), SPEC.md line \(firstLine)" }

  /// The statements, one a line; one goes on after “=” and while a bracket is open.
  func statements() throws(ExampleError) -> [Statement] {
    var statements: [Statement] = []
    var (start, pending, depth) = (firstLine, "", 0)
    for (offset, line) in text.components(separatedBy: "\n").enumerated() {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.isEmpty { continue }
      if pending.isEmpty { start = firstLine + offset }
      pending += line + " "
      depth += line.reduce(0) { $0 + ("([".contains($1) ? 1 : ")]".contains($1) ? -1 : 0) }
      if depth > 0 || line.hasSuffix("=") { continue }
      do {
        statements.append(try Statement(pending, line: start))
      } catch {
        throw ExampleError(self, line: start, error.sentence)
      }
      (pending, depth) = ("", 0)
    }
    if !pending.isEmpty { throw ExampleError(self, line: start, "the statement does not end") }
    return statements
  }
}

/// What is wrong in an example, and where.
struct ExampleError: Error, CustomStringConvertible {
  let description: String

  init(_ example: Example, line: Int, _ sentence: String) {
    description = "example \(example.number), SPEC.md line \(line): \(sentence)"
  }
}

/// What is wrong in a statement.
struct Fault: Error {
  let sentence: String

  init(_ sentence: String) { self.sentence = sentence }
}

/// A line of an example: `left = right`.
struct Statement: Sendable {
  let line: Int
  let left: Expression
  let right: Expression

  init(_ text: String, line: Int) throws(Fault) {
    var parser = try Parser(text)
    self.line = line
    left = try parser.expression()
    try parser.expect("=")
    right = try parser.expression()
    try parser.expectEnd()
  }

  /// The name that the statement defines; `nil` for a claim.
  var definedName: String? {
    if case .word(let name) = left { name } else { nil }
  }

  /// Whether the claim is that the call stops the program.
  var isRefusal: Bool {
    if case .word("refused") = right { definedName == nil } else { false }
  }
}

/// What may stand on a side of a statement, and among the arguments of a call.
indirect enum Expression: Sendable {
  case number(Double, halfUnit: Double)
  case word(String)
  case text(String)
  case array([Expression])
  case call(String, [(label: String?, value: Expression)])
  case part(Expression, String)
  case conjunction(Expression, Expression)
}

extension Expression {
  /// The words that stand in the expression, functions and labels aside.
  var words: [String] {
    switch self {
    case .number, .text: []
    case .word(let word): [word]
    case .array(let items): items.flatMap(\.words)
    case .call(_, let arguments): arguments.flatMap(\.value.words)
    case .part(let whole, _): whole.words
    case .conjunction(let a, let b): a.words + b.words
    }
  }
}

/// Reads expressions off a line.
private struct Parser {
  private enum Token: Equatable {
    case number(String)
    case word(String)
    case text(String)
    case mark(String)
  }

  private var tokens: [Token]

  init(_ text: String) throws(Fault) {
    tokens = []
    var rest = Substring(text)
    func taken(while belongs: (Character) -> Bool) -> String {
      let taken = rest.prefix(while: belongs)
      rest = rest.dropFirst(taken.count)
      return String(taken)
    }
    while let first = rest.first {
      if first.isWhitespace {
        rest.removeFirst()
      } else if first == "-" || first.isNumber {
        tokens.append(.number(taken { $0.isLetter || $0.isNumber || ".-".contains($0) }))
      } else if first.isLetter {
        tokens.append(.word(taken { $0.isLetter || $0.isNumber }))
      } else if first == "\"" {
        rest.removeFirst()
        tokens.append(.text(taken { $0 != "\"" }))
        guard rest.popFirst() != nil else { throw Fault("a text does not end") }
      } else if rest.hasPrefix("&&") {
        tokens.append(.mark(taken { $0 == "&" }))
      } else if "[](),.:=".contains(first) {
        tokens.append(.mark(String(rest.removeFirst())))
      } else {
        throw Fault("“\(first)” has no meaning here")
      }
    }
  }

  mutating func expect(_ mark: String) throws(Fault) {
    guard take(mark) else { throw Fault("“\(mark)” is missing before \(next)") }
  }

  func expectEnd() throws(Fault) {
    guard tokens.isEmpty else { throw Fault("\(next) comes after the end of the statement") }
  }

  mutating func expression() throws(Fault) -> Expression {
    var result = try operand()
    while take("&&") { result = .conjunction(result, try operand()) }
    return result
  }

  private mutating func operand() throws(Fault) -> Expression {
    guard let token = tokens.first else { throw Fault("a value is missing at the end") }
    tokens.removeFirst()
    switch token {
    case .number(let text): return try Parser.number(text)
    case .text(let text): return .text(text)
    case .mark("["):
      return .array(try list(until: "]") { parser throws(Fault) in try parser.expression() })
    case .word(let name):
      var value = Expression.word(name)
      if take("(") {
        value = .call(name, try list(until: ")") { parser throws(Fault) in try parser.argument() })
      }
      guard take(".") else { return value }
      guard case .word(let part)? = tokens.first else { throw Fault("a part is missing after “.”") }
      tokens.removeFirst()
      return .part(value, part)
    case .mark(let mark): throw Fault("a value is missing before “\(mark)”")
    }
  }

  private mutating func argument() throws(Fault) -> (label: String?, value: Expression) {
    if tokens.count >= 2, case .word(let label) = tokens[0], tokens[1] == .mark(":") {
      tokens.removeFirst(2)
      return (label, try expression())
    }
    return (nil, try expression())
  }

  private mutating func list<Item>(
    until end: String, _ item: (inout Parser) throws(Fault) -> Item
  ) throws(Fault) -> [Item] {
    var items: [Item] = []
    while !take(end) {
      if !items.isEmpty { try expect(",") }
      items.append(try item(&self))
    }
    return items
  }

  private mutating func take(_ mark: String) -> Bool {
    guard tokens.first == .mark(mark) else { return false }
    tokens.removeFirst()
    return true
  }

  private var next: String {
    switch tokens.first {
    case .number(let text), .word(let text), .text(let text), .mark(let text): "“\(text)”"
    case nil: "the end"
    }
  }

  /// A number with six decimals or more is rounded, to half a unit of its last; any other is exact.
  private static func number(_ text: String) throws(Fault) -> Expression {
    guard let value = Double(text) else { throw Fault("“\(text)” is no number") }
    let parts = text.split(separator: "e")
    let decimals = parts[0].split(separator: ".").dropFirst().first?.count ?? 0
    let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let halfUnit = decimals < 6 ? 0 : 0.5 * pow(10, Double(exponent - decimals))
    return .number(value, halfUnit: halfUnit)
  }
}
