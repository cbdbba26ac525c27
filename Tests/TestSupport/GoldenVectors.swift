import Foundation
import Notation
import SafeTensors
import Testing

/// One case of `Reference/Vectors`: inputs in float32, and what two oracles agreed that they give.
public struct GoldenCase: Sendable, CustomTestStringConvertible {
  /// The case's name within its topic.
  public let id: String
  /// The function that it is a case of.
  public let function: String
  /// The dialect and other arguments that are no tensors.
  public let attributes: Attributes
  private let inputs: [String: String]
  private let expectations: [String: String]
  private let gauges: [String: String]
  private let file: SafeTensorsFile

  /// The name that test reports show.
  public var testDescription: String { id }

  /// An input of floating-point numbers, `nil` if the case has none of this name.
  public func input(_ name: String) throws -> Tensor<Double>? {
    try inputs[name].map { try file.doubles($0) }
  }

  /// An input of truth values, `nil` if the case has none of this name.
  public func flags(_ name: String) throws -> Tensor<Bool>? {
    try inputs[name].map { try file.tensor($0, as: Bool.self) }
  }

  /// An input of integers, `nil` if the case has none of this name.
  public func integers(_ name: String) throws -> Tensor<Int>? {
    try inputs[name].map { try file.integers($0) }
  }

  /// An expected result, `nil` if the case does not store this one.
  public func expected(_ name: String) throws -> Tensor<Double>? {
    try expectations[name].map { try file.doubles($0) }
  }

  /// An expected mask.
  public func expectedFlags(_ name: String) throws -> Tensor<Bool>? {
    try expectations[name].map { try file.tensor($0, as: Bool.self) }
  }

  /// The cases of one function, in the manifest's order.
  public static func all(of function: String) throws -> [GoldenCase] {
    try loaded.get().filter { $0.function == function }
  }

  /// Every case, read once for all tests of a process.
  private static let loaded = Result { try load() }

  private static func load() throws -> [GoldenCase] {
    let vectors = packageRoot.appending(path: "Reference/Vectors")
    let manifest = try JSONDecoder().decode(
      Manifest.self, from: Data(contentsOf: vectors.appending(path: "manifest.json")))
    let files = try manifest.files.mapValues {
      try SafeTensorsFile(contentsOf: vectors.appending(path: $0.path))
    }
    return manifest.cases.map { entry in
      GoldenCase(
        id: entry.id, function: entry.function, attributes: entry.attributes,
        inputs: entry.inputs, expectations: entry.expected, gauges: entry.gauges ?? [:],
        file: files[entry.topic]!)
    }
  }

  /// The arguments of a case that are no tensors, by name.
  public struct Attributes: Sendable, Decodable {
    private let values: [String: Value]

    /// Reads the arguments of one case.
    public init(from decoder: any Decoder) throws {
      values = try decoder.singleValueContainer().decode([String: Value].self)
    }

    /// A word, `nil` if the case has none of this name.
    public func string(_ name: String) -> String? {
      if case .word(let word)? = values[name] { word } else { nil }
    }

    /// An integer, `nil` if the case has none of this name.
    public func integer(_ name: String) -> Int? { number(name).flatMap { Int(exactly: $0) } }

    /// A number, `nil` if the case has none of this name.
    public func number(_ name: String) -> Double? {
      switch values[name] {
      case .number(let number): number
      case .word(let word): Double(word)  // what JSON cannot write is a string
      default: nil
      }
    }

    /// A variant with its own arguments, `nil` if the case has none of this name.
    public func variant(_ name: String) -> Attributes? {
      if case .variant(let attributes)? = values[name] { attributes } else { nil }
    }
  }

  private enum Value: Sendable, Decodable {
    case number(Double)
    case word(String)
    case variant(Attributes)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let number = try? container.decode(Double.self) {
        self = .number(number)
      } else if let word = try? container.decode(String.self) {
        self = .word(word)
      } else {
        self = .variant(try container.decode(Attributes.self))
      }
    }
  }
}

extension GoldenCase {
  /// The fill of hidden scores.
  public var fill: MaskFill {
    let variant = attributes.variant("fill")
    let value = variant?.number("value") ?? .nan
    switch variant?.string("kind") {
    case "excluded": return .excluded
    case "replaced": return .replaced(by: value)
    case "replacedBeforeScaling": return .replacedBeforeScaling(by: value)
    case "added": return .added(value)
    case let kind: fatalError("case \(id) has the fill \(kind ?? "none")")
    }
  }

  /// The scale of the scores.
  public var scale: ScoreScale {
    let variant = attributes.variant("scale")
    switch variant?.string("kind") {
    case "rootKeyWidth": return .rootKeyWidth
    case "rootModelWidth": return .rootModelWidth(variant!.integer("width")!)
    case "factor": return .factor(variant!.number("value")!)
    case let kind: fatalError("case \(id) has the scale \(kind ?? "none")")
    }
  }

  /// The mask of an attention.
  public func mask() throws -> AttentionMask<Double> {
    AttentionMask(
      causalOffset: attributes.integer("causalOffset"), keep: try flags("keep"),
      bias: try input("bias"))
  }

  /// How far an implementation with the unit roundoff `u` may be from an expected result.
  public func bound(_ name: String, unit u: Double = 0x1p-53) throws -> Tensor<Double> {
    guard let gauge = gauges[name] else { fatalError("case \(id) has no gauge for \(name)") }
    let smallest = u == 0x1p-53 ? Double.leastNormalMagnitude : Double(Float.leastNormalMagnitude)
    return try file.doubles(gauge).map { u * $0 + smallest }
  }

  /// Throws unless every number that the case stores is among the results and within its bound.
  public func check(_ results: [String: Tensor<Double>], unit u: Double = 0x1p-53) throws {
    for name in gauges.keys.sorted() {
      guard let got = results[name] else { fatalError("case \(id) needs \(name)") }
      try ErrorGauge(got: got, expected: try expected(name)!, bound: try bound(name, unit: u))
    }
  }

  /// Expected integers, `nil` if the case does not store these.
  public func expectedIntegers(_ name: String) throws -> Tensor<Int>? {
    try expectations[name].map { try file.integers($0) }
  }

  /// The names of the inputs.
  public var inputNames: [String] { inputs.keys.sorted() }
  /// The names of the expected results.
  public var expectedNames: [String] { expectations.keys.sorted() }
}

/// The folder that holds `Package.swift`.
public let packageRoot = URL(filePath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

private struct Manifest: Decodable {
  struct File: Decodable { let path: String }
  struct Case: Decodable {
    let topic, id, function: String
    let attributes: GoldenCase.Attributes
    let inputs, expected: [String: String]
    let gauges: [String: String]?
  }
  let files: [String: File]
  let cases: [Case]
}
