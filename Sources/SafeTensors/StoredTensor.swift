import Notation

/// A tensor as a file holds it: a type, a shape and the bytes of the elements, little-endian.
public struct StoredTensor: Hashable, Sendable {
  /// The type of the elements.
  public let dataType: DataType
  /// The extent of each dimension, slowest first; `[]` is a single element.
  public let shape: [Int]
  /// The elements in row-major order, the lowest byte of each first.
  public let bytes: [UInt8]

  /// The largest number of dimensions that is read or written; NumPy's was 32 for decades.
  public static let maximumRank = 32

  /// Creates a tensor from its bytes, which must be as many as type and shape need.
  public init(dataType: DataType, shape: [Int], bytes: [UInt8]) {
    require(
      shape.count <= StoredTensor.maximumRank,
      "a stored tensor has at most \(StoredTensor.maximumRank) dimensions: got \(shape.count)")
    require(shape.allSatisfy { $0 >= 0 }, "no extent may be negative: got \(shape)")
    require(
      dataType.byteCount(ofShape: shape) == bytes.count,
      "\(dataType.rawValue) of shape \(shape) does not take \(bytes.count) bytes")
    require(
      dataType != .bool || bytes.allSatisfy { $0 <= 1 }, "every byte of a BOOL must be 0 or 1")
    self.dataType = dataType
    self.shape = shape
    self.bytes = bytes
  }

  /// Stores the elements as they are.
  public init<Element: StoredElement>(_ tensor: Tensor<Element>) {
    self.init(
      dataType: Element.dataType, shape: tensor.shape, bytes: Element.encoded(tensor.storage))
  }

  /// Stores the integers as `I64`.
  public init(_ tensor: Tensor<Int>) { self.init(tensor.map { Int64($0) }) }

  /// Stores the numbers as `F16`, each rounded to nearest, ties to even.
  public init(roundedToF16 tensor: Tensor<Float>) {
    self.init(
      dataType: .f16, shape: tensor.shape, bytes: UInt16.encoded(tensor.storage.map(\.float16)))
  }

  /// Stores the numbers as `BF16`, each rounded to nearest, ties to even.
  public init(roundedToBF16 tensor: Tensor<Float>) {
    self.init(
      dataType: .bf16, shape: tensor.shape, bytes: UInt16.encoded(tensor.storage.map(\.bfloat16)))
  }
}

// MARK: - Elements, widened without loss

extension StoredTensor {
  /// The elements as `Float`, if the type is one whose every value a `Float` holds.
  var floats: [Float]? {
    switch dataType {
    case .f32: Float.decoded(bytes)
    case .f16: UInt16.decoded(bytes).map(Float.init(float16:))
    case .bf16: UInt16.decoded(bytes).map(Float.init(bfloat16:))
    default: nil
    }
  }

  /// The elements as `Double`, if the type is a floating-point one.
  var doubles: [Double]? { dataType == .f64 ? Double.decoded(bytes) : floats?.map { Double($0) } }

  /// The elements as `Int`, if the type is an integer; `nil` stands for one that does not fit.
  var integers: [Int?]? {
    func exact<Element: StoredElement & FixedWidthInteger>(_ type: Element.Type) -> [Int?] {
      type.decoded(bytes).map { Int(exactly: $0) }
    }
    return switch dataType {
    case .u64: exact(UInt64.self)
    case .i64: exact(Int64.self)
    case .u32: exact(UInt32.self)
    case .i32: exact(Int32.self)
    case .u16: exact(UInt16.self)
    case .i16: exact(Int16.self)
    case .i8: exact(Int8.self)
    case .u8: exact(UInt8.self)
    case .f64, .f32, .f16, .bf16, .bool: nil
    }
  }
}
