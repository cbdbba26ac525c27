import Foundation
import Notation
import SafeTensors

/// One case of `Reference/Vectors`: inputs in float32, and what two oracles agreed that they give.
public struct GoldenCase: Sendable {
  /// The base name of the topic's files.
  public let topic: String
  /// The case's name within its topic.
  public let id: String
  /// The function that it is a case of.
  public let function: String
  /// What the case would catch.
  public let purpose: String
  /// The equations, claims and errata that it belongs to.
  public let ids: [String]
  /// The sources of the expected numbers.
  public let oracles: [String]
  /// The dialect and other arguments that are no tensors.
  public let attributes: Attributes
  /// From the argument's or result's name to the tensor's.
  let inputs, expectations, gauges: [String: String]
  let file: SafeTensorsFile

  /// The names of the inputs.
  public var inputNames: [String] { inputs.keys.sorted() }
  /// The names of the results and intermediates.
  public var expectedNames: [String] { expectations.keys.sorted() }
  /// The names of the results that have a gauge: the floating-point numbers of most functions.
  public var gaugedNames: [String] { gauges.keys.sorted() }

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

  /// An expected mask, `nil` if the case does not store this one.
  public func expectedFlags(_ name: String) throws -> Tensor<Bool>? {
    try expectations[name].map { try file.tensor($0, as: Bool.self) }
  }

  /// An expected result of integers, `nil` if the case does not store this one.
  public func expectedIntegers(_ name: String) throws -> Tensor<Int>? {
    try expectations[name].map { try file.integers($0) }
  }

  /// How far a result may be from the expected one, if the case stores a gauge of it.
  ///
  ///     bound = u · gauge + t
  ///
  /// The gauge is the error that the definition itself makes, in units of u. t is the smallest
  /// normal number: a smaller result may be flushed to 0.
  ///
  /// - Parameter unit: The unit roundoff u: 2⁻⁵³ for Double, 2⁻²⁴ for Float.
  public func bound(_ name: String, unit: Double = 0x1p-53) throws -> Tensor<Double> {
    guard let gauge = gauges[name] else { fatalError("case \(id) has no gauge of \(name)") }
    let tiny = unit == 0x1p-24 ? 0x1p-126 : 0x1p-1022
    return try file.doubles(gauge).map { unit * $0 + tiny }
  }
}

// MARK: - Reading

extension GoldenCase {
  /// Every case, in the manifest's order; the files are read once for all of a process.
  public static func all() throws -> [GoldenCase] { try loaded.get() }

  /// The cases of one function, in the manifest's order.
  public static func all(of function: String) throws -> [GoldenCase] {
    try all().filter { $0.function == function }
  }

  private static let loaded = Result {
    try read(from: packageRoot.appending(path: "Reference/Vectors"))
  }

  /// Reads the manifest of a folder and the files that it names.
  static func read(from folder: URL) throws -> [GoldenCase] {
    let manifest = try JSONDecoder().decode(
      Manifest.self, from: Data(contentsOf: folder.appending(path: "manifest.json")))
    let files = try manifest.files.mapValues {
      try SafeTensorsFile(contentsOf: folder.appending(path: $0.path))
    }
    return manifest.cases.map { entry in
      GoldenCase(
        topic: entry.topic, id: entry.id, function: entry.function, purpose: entry.purpose,
        ids: entry.ids, oracles: entry.oracles,
        attributes: Attributes(caseID: entry.id, values: entry.attributes), inputs: entry.inputs,
        expectations: entry.expected, gauges: entry.gauges ?? [:], file: files[entry.topic]!)
    }
  }

  private struct Manifest: Decodable {
    struct File: Decodable { let path: String }
    struct Case: Decodable {
      let topic, id, function, purpose: String
      let ids, oracles: [String]
      let attributes: [String: Attributes.Value]
      let inputs, expected: [String: String]
      let gauges: [String: String]?
    }
    let files: [String: File]
    let cases: [Case]
  }
}
