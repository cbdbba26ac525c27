/// A type whose values a `.safetensors` file stores as they are.
///
/// The bytes are put together by shifts, so that neither the machine's byte order nor the alignment
/// of the data matters; the optimiser makes plain loads and stores of them.
public protocol StoredElement: Sendable {
  /// The format's name for this type.
  static var dataType: DataType { get }
  /// The values whose little-endian bytes stand one after the other in `bytes`.
  static func decoded(_ bytes: [UInt8]) -> [Self]
  /// The little-endian bytes of `elements`, one after the other.
  static func encoded(_ elements: [Self]) -> [UInt8]
}

extension StoredElement where Self: FixedWidthInteger {
  /// The integers whose little-endian bytes stand one after the other in `bytes`.
  public static func decoded(_ bytes: [UInt8]) -> [Self] {
    let size = bitWidth / 8
    return stride(from: 0, to: bytes.count, by: size).map { start in
      var element: Self = 0
      for i in 0..<size { element |= Self(truncatingIfNeeded: bytes[start + i]) << (8 * i) }
      return element
    }
  }

  /// The little-endian bytes of `elements`, one after the other.
  public static func encoded(_ elements: [Self]) -> [UInt8] {
    let size = bitWidth / 8
    var bytes: [UInt8] = []
    bytes.reserveCapacity(elements.count * size)
    for element in elements {
      for i in 0..<size { bytes.append(UInt8(truncatingIfNeeded: element >> (8 * i))) }
    }
    return bytes
  }
}

extension UInt64: StoredElement {
  /// `U64`.
  public static var dataType: DataType { .u64 }
}

extension UInt32: StoredElement {
  /// `U32`.
  public static var dataType: DataType { .u32 }
}

extension UInt16: StoredElement {
  /// `U16`.
  public static var dataType: DataType { .u16 }
}

extension UInt8: StoredElement {
  /// `U8`.
  public static var dataType: DataType { .u8 }
}

extension Int64: StoredElement {
  /// `I64`.
  public static var dataType: DataType { .i64 }
}

extension Int32: StoredElement {
  /// `I32`.
  public static var dataType: DataType { .i32 }
}

extension Int16: StoredElement {
  /// `I16`.
  public static var dataType: DataType { .i16 }
}

extension Int8: StoredElement {
  /// `I8`.
  public static var dataType: DataType { .i8 }
}

extension Double: StoredElement {
  /// `F64`.
  public static var dataType: DataType { .f64 }
  /// The numbers whose little-endian bytes stand one after the other in `bytes`.
  public static func decoded(_ bytes: [UInt8]) -> [Double] {
    UInt64.decoded(bytes).map(Double.init(bitPattern:))
  }
  /// The little-endian bytes of `elements`, one after the other.
  public static func encoded(_ elements: [Double]) -> [UInt8] {
    UInt64.encoded(elements.map(\.bitPattern))
  }
}

extension Float: StoredElement {
  /// `F32`.
  public static var dataType: DataType { .f32 }
  /// The numbers whose little-endian bytes stand one after the other in `bytes`.
  public static func decoded(_ bytes: [UInt8]) -> [Float] {
    UInt32.decoded(bytes).map(Float.init(bitPattern:))
  }
  /// The little-endian bytes of `elements`, one after the other.
  public static func encoded(_ elements: [Float]) -> [UInt8] {
    UInt32.encoded(elements.map(\.bitPattern))
  }
}

extension Bool: StoredElement {
  /// `BOOL`.
  public static var dataType: DataType { .bool }
  /// The truth values of `bytes`, each 0 or 1.
  public static func decoded(_ bytes: [UInt8]) -> [Bool] { bytes.map { $0 == 1 } }
  /// A byte for each of `elements`, 0 or 1.
  public static func encoded(_ elements: [Bool]) -> [UInt8] { elements.map { $0 ? 1 : 0 } }
}
