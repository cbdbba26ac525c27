import Notation
import TestSupport

/// Who has to fulfil an example.
enum Side: String, Sendable, Codable, CaseIterable {
  /// The equations in Double: to the printed digits.
  case equations
  /// The kernels in Float: to the printed digits and the kernel's error bound.
  case kernels
}

extension Example {
  /// Evaluates every claim on one side, except refusals, and throws what does not hold.
  ///
  /// - Returns: How many claims concerned this side.
  @discardableResult
  func check(_ side: Side) throws -> Int {
    var evaluation = Evaluation()
    var count = 0
    for statement in try statements() {
      do {
        if let name = statement.definedName {
          try evaluation.define(name, as: statement.right)
        } else if statement.isRefusal {
          evaluation.markUsed(statement.left.words)
        } else if try evaluation.check(statement, side) {
          count += 1
        }
      } catch let fault as Fault {
        throw ExampleError(self, line: statement.line, fault.sentence)
      } catch {
        throw ExampleError(self, line: statement.line, "\(error)")
      }
    }
    if let name = evaluation.unusedName {
      throw ExampleError(self, line: firstLine, "the name “\(name)” is not used")
    }
    return count
  }

  /// The lines whose claim is that a call is refused, on a side that has the function called.
  func refusals(_ side: Side) throws -> [Int] {
    try statements().filter { $0.isRefusal && (side == .equations || $0.left.callsKernel) }
      .map(\.line)
  }

  /// Makes the call that is to be refused; it returns only if it is not.
  func callRefused(line: Int, _ side: Side) throws {
    var evaluation = Evaluation()
    for statement in try statements() {
      if let name = statement.definedName {
        try evaluation.define(name, as: statement.right)
      } else if statement.line == line {
        if side == .kernels, try evaluation.kernelResult(of: statement.left) != nil { return }
        _ = try evaluation.value(of: statement.left)
        return
      }
    }
  }
}

extension Expression {
  /// Whether the expression is a call of a function that has a kernel.
  fileprivate var callsKernel: Bool {
    if case .call(let name, _) = self { Function.all[name]?.kernel != nil } else { false }
  }
}

/// The names of one example, and what its expressions stand for.
private struct Evaluation {
  private var names: [String: Value] = [:]
  private var unused: Set<String> = []

  /// A name that no statement used; the first in the alphabet, so that runs agree.
  var unusedName: String? { unused.min() }

  mutating func define(_ name: String, as expression: Expression) throws(Fault) {
    guard Value.constants[name] == nil, Function.all[name] == nil, name != "refused" else {
      throw Fault("“\(name)” has a meaning already")
    }
    let value = try value(of: expression)
    guard names.updateValue(value, forKey: name) == nil else {
      throw Fault("“\(name)” is defined twice")
    }
    unused.insert(name)
  }

  /// Counts names as used that stand in an expression that is not evaluated.
  mutating func markUsed(_ names: [String]) { unused.subtract(names) }

  /// Compares the two sides of a claim; false if it does not concern the side asked for.
  mutating func check(_ statement: Statement, _ side: Side) throws -> Bool {
    let expected = try value(of: statement.right)
    switch (side, expected) {
    case (.equations, .booleans(let expected)):
      guard case .booleans(let got) = try value(of: statement.left) else {
        throw Fault("the call gives no true and false")
      }
      guard got == expected else { throw Fault("the mask is \(got.shape) \(got.storage)") }
    case (.equations, .numbers(let expected, let halfUnits)):
      guard case .numbers(let got, _) = try value(of: statement.left).numbersOrOutput else {
        throw Fault("the call gives no numbers")
      }
      try ErrorGauge(got: got, expected: expected, bound: halfUnits)
    case (.kernels, .numbers(let expected, let halfUnits)):
      // Also where there is no kernel, so that faults and unused names are the same on both sides.
      _ = try value(of: statement.left)
      guard let result = try kernelResult(of: statement.left) else { return false }
      let allowed = Tensor(
        shape: result.bound.shape,
        storage: zip(result.bound.storage, spread(halfUnits, over: result.bound)).map(+))
      try ErrorGauge(got: result.value, expected: expected, bound: allowed)
    case (.kernels, .booleans):
      _ = try value(of: statement.left)
      return false
    default: throw Fault("a claim needs numbers, or true and false, on its right")
    }
    return true
  }

  /// The half units, or none where the shapes differ, which the comparison reports.
  private func spread(_ halfUnits: Tensor<Double>, over bound: Tensor<Double>) -> [Double] {
    halfUnits.shape == bound.shape ? halfUnits.storage : bound.storage.map { _ in 0 }
  }

  /// What the kernel makes of a call; `nil` if there is no kernel, or none for this part.
  mutating func kernelResult(of expression: Expression) throws(Fault) -> KernelResult? {
    switch expression {
    case .part(let whole, "output"): return try kernelResult(of: whole)
    case .call(let name, let arguments):
      guard let function = Function.all[name], let kernel = function.kernel else { return nil }
      return try kernel(try self.arguments(arguments, of: function, named: name))
    default: return nil
    }
  }

  mutating func value(of expression: Expression) throws(Fault) -> Value {
    switch expression {
    case .number(let number, let halfUnit):
      return .numbers(
        Tensor(shape: [], storage: [number]),
        halfUnits: Tensor(shape: [], storage: [number.isFinite ? halfUnit : 0]))
    case .word(let name):
      if let value = names[name] {
        unused.remove(name)
        return value
      }
      guard let value = Value.constants[name] else { throw Fault("“\(name)” is not known") }
      return value
    case .text(let text): return .option(text)
    case .array(let items):
      var values: [Value] = []
      for item in items { values.append(try value(of: item)) }
      return try stacked(values)
    case .call(let name, let arguments):
      guard let function = Function.all[name] else {
        throw Fault("there is no function “\(name)”")
      }
      return try function.equation(try self.arguments(arguments, of: function, named: name))
    case .part(let whole, let part):
      guard case .record(_, let parts) = try value(of: whole) else {
        throw Fault("only a call that has parts can be followed by “.\(part)”")
      }
      guard let tensor = parts[part] else { throw Fault("the result has no part “\(part)”") }
      return .numbers(tensor)
    case .conjunction(let a, let b):
      guard case (.mask(let a), .mask(let b)) = (try value(of: a), try value(of: b)) else {
        throw Fault("“&&” joins masks")
      }
      return .mask(a && b)
    }
  }

  private mutating func arguments(
    _ expressions: [(label: String?, value: Expression)], of function: Function, named name: String
  ) throws(Fault) -> Arguments {
    var values: [(label: String?, value: Value)] = []
    for (label, expression) in expressions {
      values.append((label, try value(of: expression).numbersOrOutput))
    }
    return try Arguments(values, of: function, named: name)
  }

  /// The values as the slices of one, or as a list of texts or parameters; without any, a vector of no numbers.
  private func stacked(_ values: [Value]) throws(Fault) -> Value {
    var (numbers, halfUnits): ([Tensor<Double>], [Tensor<Double>]) = ([], [])
    var booleans: [Tensor<Bool>] = []
    var options: [any Sendable] = []
    for value in values {
      switch value {
      case .numbers(let slice, let slack):
        numbers.append(slice)
        halfUnits.append(slack)
      case .booleans(let slice): booleans.append(slice)
      case .option(let option): options.append(option)
      case .options(let list): options.append(list)
      default: throw Fault("an array holds numbers, true and false, texts, or sets of parameters")
      }
    }
    guard options.isEmpty else {
      guard options.count == values.count else { throw Fault("an array mixes kinds of values") }
      return .options(options)
    }
    guard booleans.isEmpty else {
      guard numbers.isEmpty else { throw Fault("an array mixes kinds of values") }
      return .booleans(try stack(booleans))
    }
    return .numbers(try stack(numbers), halfUnits: try stack(halfUnits))
  }

  private func stack<Element>(_ slices: [Tensor<Element>]) throws(Fault) -> Tensor<Element> {
    let shapes = Set(slices.map(\.shape))
    guard shapes.count <= 1 else { throw Fault("the rows of an array must have one shape") }
    return Tensor(
      shape: [slices.count] + (shapes.first ?? []), storage: slices.flatMap(\.storage))
  }
}

extension Value {
  /// The value itself, and of a result with parts the output.
  fileprivate var numbersOrOutput: Value {
    if case .record(let output, _) = self { .numbers(output) } else { self }
  }
}
