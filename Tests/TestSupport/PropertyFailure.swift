import Notation
import SafeTensors
import Testing

/// Why a property did not hold, in one line.
public enum PropertyFailure: Error, CustomStringConvertible {
  /// A case contradicts the property.
  case falsified(Counterexample)
  /// Too few cases met a condition, so that the others prove little.
  case vacuous(property: String, condition: String, met: Int, cases: Int, floor: Double)
  /// Too many cases were discarded.
  case discarded(property: String, discards: Int, passed: Int)
  /// A case failed, and passed when it was run again.
  case flaky(property: String, choices: String)
  /// A known case passes, but the generators no longer read it as it is written.
  case stale(property: String, choices: String)
  /// Not the text of a case, or not a number of cases.
  case unreadable(String)

  /// The sentence that a test's report shows.
  public var description: String {
    switch self {
    case .falsified(let counterexample): counterexample.description
    case .vacuous(let property, let condition, let met, let cases, let floor):
      "\(property): vacuous, \"\(condition)\" held in \(met) of \(cases) cases, "
        + "fewer than \(floor * 100) %"
    case .discarded(let property, let discards, let passed):
      "\(property): \(discards) cases were discarded and \(passed) passed: "
        + "draw inputs that meet the requirement instead"
    case .flaky(let property, let choices):
      "\(property): a case failed, then passed: \(replay(property, choices))"
    case .stale(let property, let choices):
      "\(property): the generators no longer read a case as it is written: "
        + replay(property, choices)
    case .unreadable(let text):
      "\"\(text)\" is neither a case, as in 9/0,4//17, nor a positive number of cases"
    }
  }
}

/// The smallest case found that contradicts a property.
public struct Counterexample: Sendable, CustomStringConvertible {
  /// The property's name.
  public let property: String
  /// What was drawn and noted, in that order.
  public let notes: [String]
  /// The tensors drawn and noted, in that order.
  public let tensors: [(name: String, tensor: Tensor<Double>)]
  /// What the property threw.
  public let error: any Error
  /// The case as `TRANSFORMERSPEC_REPLAY` and `regressions` take it.
  public let choices: String

  /// Property, case, error and how to run the case again, in one line.
  public var description: String {
    let line = "\(property) fails for \(notes.joined(separator: " ")): \(error)"
    return line.replacing("\n", with: " ") + "; " + replay(property, choices)
  }
}

/// How to run a case again, quoted for a shell.
private func replay(_ property: String, _ choices: String) -> String {
  "TRANSFORMERSPEC_REPLAY='\(property.replacing("'", with: "'\\''")):\(choices)'"
}

/// Attaches a counterexample's tensors to the test that runs, as a .safetensors file.
public func attachTensors(of counterexample: Counterexample) {
  guard !counterexample.tensors.isEmpty else { return }
  let tensors = counterexample.tensors.map { ($0.name, StoredTensor($0.tensor)) }
  let file = SafeTensorsFile(
    metadata: ["property": counterexample.property],
    tensors: Dictionary(tensors) { $1 })
  Attachment.record(file.serialized(), named: "\(counterexample.property).safetensors")
}
