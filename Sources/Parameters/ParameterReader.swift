import Notation
import SafeTensors

/// Reads the parameters of a model from a file, strictly.
///
///     let file = try SafeTensorsFile(contentsOf: url)
///     let layer = try loadParameters(from: file, as: Double.self) { reader in
///       let form = LayerForm(
///         dModel: 512, heads: 8, dFF: 2048, placement: .postNorm, epsilon: 1e-5)
///       return reader.encoderLayer(form, naming: .pyTorch)
///     }
///
/// - Parameters:
///   - file: Every tensor of it must be asked for, in `F64`, `F32`, `F16` or `BF16`.
///   - type: What the numbers become, rounded to nearest.
///   - build: Asks the reader for every tensor, and puts the model together.
/// - Throws: One error with every tensor that is missing, misshapen, of another type, or extra.
public func loadParameters<S: Scalar, Model>(
  from file: SafeTensorsFile, as type: S.Type = S.self, _ build: (ParameterReader<S>) -> Model
) throws(ParameterError) -> Model {
  let ledger = Ledger(file)
  let model = build(ParameterReader(ledger: ledger, prefix: ""))
  try ledger.close()
  return model
}

/// Hands out the tensors of a file by name and shape, and takes down what does not fit.
///
/// What is missing or misshapen is handed out as zeros of the shape asked for, so that a model can be
/// put together to the end and every fault be found; `loadParameters` then throws the model away.
public struct ParameterReader<S: Scalar> {
  fileprivate let ledger: Ledger
  fileprivate let prefix: String

  /// A reader of the tensors whose names begin with those of this reader, then `name` and a dot.
  public func scope(_ name: String) -> ParameterReader {
    ParameterReader(ledger: ledger, prefix: prefix + name + ".")
  }

  /// The tensor of a name, which must have this shape.
  public func tensor(_ name: String, _ shape: [Int]) -> Tensor<S> {
    let numbers = ledger.take(prefix + name, shape)
    return numbers?.converted() ?? Tensor(shape: shape, repeating: 0)
  }
}

/// What has been asked for of a file, and what was wrong with it.
private final class Ledger {
  private let file: SafeTensorsFile
  private var untouched: Set<String>
  private var faults = ParameterError()

  init(_ file: SafeTensorsFile) {
    self.file = file
    untouched = Set(file.tensors.keys)
  }

  func take(_ name: String, _ shape: [Int]) -> Tensor<Double>? {
    untouched.remove(name)
    guard let stored = file.tensors[name] else {
      faults.missing.append(.init(name: name, shape: shape))
      return nil
    }
    guard let numbers = try? file.doubles(name) else {
      faults.notNumbers.append(.init(name: name, type: stored.dataType.rawValue))
      return nil
    }
    guard numbers.shape == shape else {
      faults.misshapen.append(.init(name: name, found: numbers.shape, expected: shape))
      return nil
    }
    return numbers
  }

  func close() throws(ParameterError) {
    faults.extra = untouched.sorted()
    if !faults.isEmpty { throw faults }
  }
}
