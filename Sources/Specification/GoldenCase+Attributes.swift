import Notation

extension GoldenCase {
  /// The arguments of a case that are no tensors, by name; each function has its own.
  ///
  ///     case.attributes.integer("causalOffset")    // 2, or nil if the case has none
  ///     case.attributes.integer(needed: "heads")   // stops with the case's id if it has none
  ///
  /// An attribute of another type than the one asked for stops the program, too.
  public struct Attributes: Sendable {
    let caseID: String
    let values: [String: Value]

    /// A text, such as the name of a dialect; `nil` if there is none of this name.
    public func string(_ name: String) -> String? { lookUp(name, as: "a text", \.string) }
    /// A whole number; `nil` if there is none of this name.
    public func integer(_ name: String) -> Int? { lookUp(name, as: "an integer", \.integer) }
    /// A number; `nil` if there is none of this name.
    public func number(_ name: String) -> Double? { lookUp(name, as: "a number", \.number) }

    /// A text that the case must have.
    public func string(needed name: String) -> String { need(name, string(name)) }
    /// A whole number that the case must have.
    public func integer(needed name: String) -> Int { need(name, integer(name)) }
    /// A number that the case must have.
    public func number(needed name: String) -> Double { need(name, number(name)) }

    /// A dialect with its own arguments, such as the fill of a mask; `nil` if there is none of this
    /// name.
    public func variant(_ name: String) -> Attributes? {
      lookUp(name, as: "a dialect", \.variant).map { Attributes(caseID: caseID, values: $0) }
    }
    /// A dialect with its own arguments that the case must have.
    public func variant(needed name: String) -> Attributes { need(name, variant(name)) }

    private func lookUp<T>(_ name: String, as type: String, _ read: (Value) -> T?) -> T? {
      guard let value = values[name] else { return nil }
      guard let result = read(value) else {
        fatalError("case \(caseID) has the \(name) \(value), which is not \(type)")
      }
      return result
    }

    private func need<T>(_ name: String, _ value: T?) -> T {
      guard let value else { fatalError("case \(caseID) has no \(name)") }
      return value
    }
  }

  /// The fill of hidden scores.
  public var fill: MaskFill {
    let fill = attributes.variant(needed: "fill")
    switch fill.string(needed: "kind") {
    case "excluded": return .excluded
    case "replaced": return .replaced(by: fill.number(needed: "value"))
    case "replacedBeforeScaling": return .replacedBeforeScaling(by: fill.number(needed: "value"))
    case "added": return .added(fill.number(needed: "value"))
    case let kind: fatalError("case \(id) has the fill \(kind)")
    }
  }

  /// The scale of the scores.
  public var scale: ScoreScale {
    let scale = attributes.variant(needed: "scale")
    switch scale.string(needed: "kind") {
    case "rootKeyWidth": return .rootKeyWidth
    case "rootModelWidth": return .rootModelWidth(scale.integer(needed: "width"))
    case "factor": return .factor(scale.number(needed: "value"))
    case let kind: fatalError("case \(id) has the scale \(kind)")
    }
  }

  /// The mask of an attention.
  public func mask() throws -> AttentionMask<Double> {
    AttentionMask(
      causalOffset: attributes.integer("causalOffset"), keep: try flags("keep"),
      bias: try input("bias"))
  }
}

extension GoldenCase.Attributes: CustomStringConvertible {
  /// The attributes by name, as in `causalOffset 2, fill replaced(-10000), scale rootKeyWidth`.
  public var description: String {
    values.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }

  /// What the manifest has for an attribute.
  enum Value: Sendable, Decodable, CustomStringConvertible {
    case text(String)
    case numeral(Double)
    case object([String: Value])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self = .text(text)
      } else if let object = try? container.decode([String: Value].self) {
        self = .object(object)
      } else {
        self = .numeral(try container.decode(Double.self))
      }
    }

    var string: String? { if case .text(let text) = self { text } else { nil } }
    var integer: Int? { if case .numeral(let number) = self { Int(exactly: number) } else { nil } }
    var variant: [String: Value]? { if case .object(let values) = self { values } else { nil } }
    /// A number; those that JSON cannot write are strings.
    var number: Double? {
      switch self {
      case .text(let text): Double(text)
      case .numeral(let number): number
      case .object: nil
      }
    }

    var description: String {
      switch self {
      case .text(let text): return text
      case .numeral(let number): return plain(number)
      case .object(var values):
        let kind = values.removeValue(forKey: "kind").map { "\($0)" } ?? ""
        let arguments = values.sorted { $0.key < $1.key }.map { "\($0.value)" }
        return arguments.isEmpty ? kind : "\(kind)(\(arguments.joined(separator: ", ")))"
      }
    }
  }
}
