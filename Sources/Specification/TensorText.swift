import Foundation
import Notation
import SafeTensors

extension Tensor where Element == String {
  /// The elements in brackets, row under row; of a tensor above the limit only the first ones.
  ///
  ///     2 × 3
  ///     [[ 1,   2, 3],
  ///      [-1, 0.5, 0]]
  func text(limit: Int) -> String {
    let size = shape.isEmpty ? "one element" : shape.map(String.init).joined(separator: " × ")
    if count == 0 { return size }
    if count > limit {
      return "\(size)\n\(storage.prefix(8).joined(separator: ", ")), …"
    }
    let width = rank > 1 ? storage.map(\.count).max()! : 0
    let aligned = map { String(repeating: " ", count: max(width - $0.count, 0)) + $0 }
    return "\(size)\n\(aligned.brackets(indent: 0))"
  }

  private func brackets(indent: Int) -> String {
    if rank == 0 { return storage[0] }
    let slices = (0..<shape[0]).map { slice($0).brackets(indent: indent + 1) }
    let separator = rank == 1 ? ", " : ",\n" + String(repeating: " ", count: indent + 1)
    return "[\(slices.joined(separator: separator))]"
  }
}

extension GoldenCase {
  /// A stored tensor as text: float32 numbers exactly, float64 to ten digits.
  func text(ofTensor name: String, limit: Int) throws -> String {
    let elements: Tensor<String> =
      switch file.tensors[name]?.dataType {
      case .bool: try file.tensor(name, as: Bool.self).map { "\($0)" }
      case .i64: try file.integers(name).map { "\($0)" }
      case .f32: try file.floats(name).map { plain($0) }
      default: try file.doubles(name).map { $0.isNaN ? "nan" : String(format: "%.10g", $0) }
      }
    return elements.text(limit: limit)
  }
}

/// The shortest decimal that reads back as the number, without `.0`.
func plain<Number: BinaryFloatingPoint>(_ number: Number) -> String {
  let text = "\(number)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
