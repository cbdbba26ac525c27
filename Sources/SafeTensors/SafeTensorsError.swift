/// What is wrong with a `.safetensors` file, or with a request to one, and where.
///
///     do {
///       _ = try SafeTensorsFile(contentsOf: url)
///     } catch {
///       error.fault   // .duplicateKey
///       error.offset  // 71
///       error.key     // "weight"
///       print(error)  // duplicateKey at byte 71, "weight": one object has this key twice
///     }
public struct SafeTensorsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The rule that is broken.
  public let fault: Fault
  /// The byte of the file, counted from its start, at which the rule is broken.
  public let offset: Int?
  /// The name of the tensor, metadata entry, field or path concerned.
  public let key: String?
  /// A sentence with the numbers of the case.
  public let detail: String

  init(_ fault: Fault, at offset: Int? = nil, key: String? = nil, _ detail: String) {
    self.fault = fault
    self.offset = offset
    self.key = key
    self.detail = detail
  }

  /// Fault, place and detail in one line.
  public var description: String {
    let place = offset.map { " at byte \($0)" } ?? ""
    let name = key.map { ", \($0.debugDescription)" } ?? ""
    return "\(fault)\(place)\(name): \(detail)"
  }
}

extension SafeTensorsError {
  /// A rule that a file or a request can break.
  ///
  /// The raw values are those of `Reference/MalformedFiles/expected.json`, where every fault of a
  /// file's contents has at least one example.
  public enum Fault: String, CaseIterable, Sendable {

    // MARK: The frame

    /// The file ends within the eight bytes of the header's length.
    case fileTooShort
    /// The header's length is above 100,000,000 bytes.
    case headerTooLong
    /// The header's length reaches past the end of the file.
    case headerBeyondFile

    // MARK: JSON

    /// The header does not start with `{`.
    case headerNotAnObject
    /// The header is not UTF-8.
    case invalidUTF8
    /// The header is not JSON.
    case invalidSyntax
    /// Something other than spaces follows the header's object.
    case trailingCharacters
    /// A string holds a control character as it is.
    case controlCharacter
    /// A string holds a backslash that starts no escape of JSON.
    case invalidEscape
    /// A string escapes one half of a surrogate pair without the other.
    case loneSurrogate
    /// An object has one key twice, however it is written.
    case duplicateKey

    // MARK: The fields of an entry

    /// A value is of another JSON type than the format has in its place.
    case wrongType
    /// A number has a sign, a fraction, an exponent or a leading zero.
    case invalidInteger
    /// A number is above 2⁶³ − 1.
    case integerTooLarge
    /// A tensor has a field that is not `dtype`, `shape` or `data_offsets`.
    case unknownField
    /// A tensor lacks one of `dtype`, `shape` and `data_offsets`.
    case missingField
    /// A tensor's `dtype` is none of those known.
    case unknownDataType
    /// A tensor has more than 32 dimensions.
    case rankTooHigh
    /// The size of a tensor in bytes is above 2⁶³ − 1, extents of 0 left out.
    case sizeOverflow
    /// A tensor's `data_offsets` are not two numbers.
    case offsetsNotAPair
    /// A tensor ends before it begins.
    case offsetsReversed
    /// A tensor's offsets are not as far apart as its type and shape need.
    case sizeMismatch

    // MARK: The data

    /// No tensor covers the bytes before a tensor.
    case hole
    /// Two tensors share bytes.
    case overlap
    /// A tensor ends past the end of the file.
    case offsetsBeyondFile
    /// No tensor covers the file's last bytes.
    case uncoveredData
    /// A byte of a `BOOL` tensor is neither 0 nor 1.
    case invalidBoolean

    // MARK: Requests

    /// The system cannot read the file.
    case unreadableFile
    /// The system cannot write the file.
    case unwritableFile
    /// The file has no tensor of the name asked for.
    case missingTensor
    /// The tensor's type is not one that the request can take without loss.
    case wrongDataType
    /// An integer does not fit into `Int`.
    case valueOutOfRange
  }
}
