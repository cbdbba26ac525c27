import Notation

/// The contents of a `.safetensors` file: tensors by name, and text about them.
///
///     let file = SafeTensorsFile(
///       metadata: ["topic": "Softmax"],
///       tensors: ["weights": StoredTensor([[0.5, 0.5]] as Tensor<Float>)])
///     try file.write(to: url)
///     try SafeTensorsFile(contentsOf: url).tensor("weights", as: Float.self).shape  // [1, 2]
///
/// Names and metadata keys are any Unicode strings, compared as Swift compares strings: composed and
/// decomposed forms of one text are the same name.
public struct SafeTensorsFile: Hashable, Sendable {
  /// The text about the tensors, by key.
  public var metadata: [String: String]
  /// The tensors, by name; `__metadata__` is not a name, the format keeps it for the text.
  public var tensors: [String: StoredTensor]

  /// Creates the contents of a file.
  public init(metadata: [String: String] = [:], tensors: [String: StoredTensor] = [:]) {
    self.metadata = metadata
    self.tensors = tensors
  }
}

// MARK: - Typed access

extension SafeTensorsFile {
  /// The tensor of a name, stored as exactly the type asked for.
  public func tensor<Element: StoredElement>(
    _ name: String, as type: Element.Type = Element.self
  ) throws(SafeTensorsError) -> Tensor<Element> {
    let stored = try stored(name)
    guard stored.dataType == type.dataType else {
      throw wrongDataType(of: name, stored, wanted: type.dataType.rawValue)
    }
    return Tensor(shape: stored.shape, storage: type.decoded(stored.bytes))
  }

  /// The tensor of a name, stored as `F32`, `F16` or `BF16`: all are exact in `Float`.
  public func floats(_ name: String) throws(SafeTensorsError) -> Tensor<Float> {
    let stored = try stored(name)
    guard let floats = stored.floats else {
      throw wrongDataType(of: name, stored, wanted: "F32, F16 or BF16")
    }
    return Tensor(shape: stored.shape, storage: floats)
  }

  /// The tensor of a name, stored as any floating-point type: all are exact in `Double`.
  public func doubles(_ name: String) throws(SafeTensorsError) -> Tensor<Double> {
    let stored = try stored(name)
    guard let doubles = stored.doubles else {
      throw wrongDataType(of: name, stored, wanted: "F64, F32, F16 or BF16")
    }
    return Tensor(shape: stored.shape, storage: doubles)
  }

  /// The tensor of a name, stored as any integer type, if every element fits into `Int`.
  public func integers(_ name: String) throws(SafeTensorsError) -> Tensor<Int> {
    let stored = try stored(name)
    guard let integers = stored.integers else {
      throw wrongDataType(of: name, stored, wanted: "an integer type")
    }
    let fitting = integers.compactMap(\.self)
    guard fitting.count == integers.count else {
      throw SafeTensorsError(
        .valueOutOfRange, key: name,
        "\(integers.count - fitting.count) of \(integers.count) integers are above \(Int.max)")
    }
    return Tensor(shape: stored.shape, storage: fitting)
  }

  private func stored(_ name: String) throws(SafeTensorsError) -> StoredTensor {
    guard let tensor = tensors[name] else {
      throw SafeTensorsError(
        .missingTensor, key: name, "none of the \(tensors.count) tensors has this name")
    }
    return tensor
  }

  private func wrongDataType(
    of name: String, _ stored: StoredTensor, wanted: String
  ) -> SafeTensorsError {
    SafeTensorsError(
      .wrongDataType, key: name, "asked for \(wanted), stored as \(stored.dataType.rawValue)")
  }
}
