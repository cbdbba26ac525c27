/// The type of a stored tensor's elements; the raw value is the format's name for it.
///
/// The cases stand in the order in which a writer stores them: from eight bytes an element down to
/// one, so that every tensor is aligned to its elements if the first is. Within one size the order is
/// that of the reference writer, so that both write the same bytes.
public enum DataType: String, CaseIterable, Sendable {
  /// Unsigned integers of 64 bits.
  case u64 = "U64"
  /// Signed integers of 64 bits.
  case i64 = "I64"
  /// IEEE 754 binary64.
  case f64 = "F64"
  /// IEEE 754 binary32.
  case f32 = "F32"
  /// Unsigned integers of 32 bits.
  case u32 = "U32"
  /// Signed integers of 32 bits.
  case i32 = "I32"
  /// The upper half of a binary32: 8 bits of exponent and 7 of fraction.
  case bf16 = "BF16"
  /// IEEE 754 binary16: 5 bits of exponent and 10 of fraction.
  case f16 = "F16"
  /// Unsigned integers of 16 bits.
  case u16 = "U16"
  /// Signed integers of 16 bits.
  case i16 = "I16"
  /// Signed integers of 8 bits.
  case i8 = "I8"
  /// Unsigned integers of 8 bits.
  case u8 = "U8"
  /// A byte that is 0 or 1.
  case bool = "BOOL"

  /// The number of bytes of one element.
  public var byteSize: Int {
    switch self {
    case .u64, .i64, .f64: 8
    case .u32, .i32, .f32: 4
    case .u16, .i16, .f16, .bf16: 2
    case .u8, .i8, .bool: 1
    }
  }

  /// The number of bytes that a tensor of this shape takes, or `nil` if it or a stride overflows.
  ///
  /// An extent of 0 makes the result 0 but does not excuse the others: whether a shape is accepted
  /// does not depend on the order of its extents, and strides computed later fit as well.
  func byteCount(ofShape shape: [Int]) -> Int? {
    var (product, isOverflow) = (byteSize, false)
    for extent in shape {
      (product, isOverflow) = product.multipliedReportingOverflow(by: max(extent, 1))
      if isOverflow { return nil }
    }
    return shape.contains(0) ? 0 : product
  }
}
