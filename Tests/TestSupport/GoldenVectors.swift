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
        inputs: entry.inputs, expectations: entry.expected, file: files[entry.topic]!)
    }
  }

  /// The arguments of a case that are no tensors; each function has its own.
  public struct Attributes: Sendable, Decodable {
    /// `identity` or `relu`.
    public let activation: String?
    /// The extents and the offset of a causal mask.
    public let queries, keys, offset: Int?
    /// The token that fills sentences up.
    public let padding: Int?
    /// `visible` or `hidden`.
    public let queryPadding: String?
    /// What raw scores are multiplied by.
    public let scaleFactor: Double?
    /// The causal rule of an attention.
    public let causalOffset: Int?
    fileprivate let fill: Variant?
    fileprivate let scale: Variant?
  }

  fileprivate struct Variant: Sendable, Decodable {
    let kind: String
    let width: Int?
    let value: Number?
  }

  /// A number; those that JSON cannot write are strings.
  fileprivate struct Number: Sendable, Decodable {
    let value: Double

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      let text = try? container.decode(String.self)
      value = try text.flatMap { Double($0) } ?? container.decode(Double.self)
    }
  }
}

extension GoldenCase {
  /// The fill of hidden scores.
  public var fill: MaskFill {
    let value = attributes.fill?.value?.value ?? .nan
    switch attributes.fill?.kind {
    case "excluded": return .excluded
    case "replaced": return .replaced(by: value)
    case "replacedBeforeScaling": return .replacedBeforeScaling(by: value)
    case "added": return .added(value)
    case let kind: fatalError("case \(id) has the fill \(kind ?? "none")")
    }
  }

  /// The scale of the scores.
  public var scale: ScoreScale {
    switch attributes.scale?.kind {
    case "rootKeyWidth": return .rootKeyWidth
    case "rootModelWidth": return .rootModelWidth(attributes.scale!.width!)
    case "factor": return .factor(attributes.scale!.value!.value)
    case let kind: fatalError("case \(id) has the scale \(kind ?? "none")")
    }
  }

  /// The mask of an attention.
  public func mask() throws -> AttentionMask<Double> {
    AttentionMask(
      causalOffset: attributes.causalOffset, keep: try flags("keep"), bias: try input("bias"))
  }
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
  }
  let files: [String: File]
  let cases: [Case]
}
