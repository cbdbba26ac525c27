/// Reads the tokens of a header: objects, strings and unsigned integers, and no more of JSON.
///
/// Foundation's parsers hide what a strict reader must see: of two equal keys they keep one, and 8.0
/// and 8e0 become integers. The format nests three levels deep, each read by its own function, so that
/// nothing recurses on what the file says.
struct HeaderScanner {
  /// The header, known to be UTF-8.
  private let bytes: [UInt8]
  /// Where in the file the header starts.
  private let start: Int
  private var position = 0

  /// An object whose members are being read, with the keys seen so far.
  struct OpenObject {
    fileprivate var keys: Set<String> = []
  }

  init(_ bytes: [UInt8], start: Int) {
    self.bytes = bytes
    self.start = start
  }

  /// The place in the file of the next byte that is not white space, which is skipped.
  mutating func offsetOfNextToken() -> Int {
    while let next, [0x20, 0x09, 0x0A, 0x0D].contains(next) { position += 1 }
    return start + position
  }

  /// Starts an object; its members are then asked for one by one.
  mutating func openObject(_ meaning: String) throws(SafeTensorsError) -> OpenObject {
    if !accept("{") { throw unexpectedValue(meaning) }
    return OpenObject()
  }

  /// The next key of an object and its place, or `nil` at the object's end; its value must follow.
  mutating func nextKey(
    of object: inout OpenObject
  ) throws(SafeTensorsError) -> (key: String, offset: Int)? {
    if object.keys.isEmpty {
      if accept("}") { return nil }
    } else if !accept(",") {
      try expect("}", "',' or '}'")
      return nil
    }
    let offset = offsetOfNextToken()
    try expect("\"", "a key in double quotes")
    let key = try restOfString()
    guard object.keys.insert(key).inserted else {
      throw SafeTensorsError(.duplicateKey, at: offset, key: key, "one object has this key twice")
    }
    try expect(":", "':'")
    return (key, offset)
  }

  /// A string.
  mutating func string(_ meaning: String) throws(SafeTensorsError) -> String {
    if !accept("\"") { throw unexpectedValue(meaning) }
    return try restOfString()
  }

  /// An array of unsigned integers; `fault` is thrown for the first one beyond `limit`.
  mutating func integers(
    _ meaning: String, limit: Int, beyond fault: SafeTensorsError.Fault
  ) throws(SafeTensorsError) -> [Int] {
    if !accept("[") { throw unexpectedValue(meaning) }
    if accept("]") { return [] }
    var integers: [Int] = []
    repeat {
      let offset = offsetOfNextToken()
      guard integers.count < limit else {
        throw SafeTensorsError(fault, at: offset, "expected \(meaning), found more than \(limit)")
      }
      integers.append(try integer())
    } while accept(",")
    try expect("]", "',' or ']'")
    return integers
  }

  /// Makes sure that nothing but padding is left.
  func expectPadding() throws(SafeTensorsError) {
    guard let index = bytes[position...].firstIndex(where: { $0 != UInt8(ascii: " ") }) else {
      return
    }
    throw SafeTensorsError(
      .trailingCharacters, at: start + index, "only spaces may follow the header's object")
  }
}

// MARK: - Bytes

extension HeaderScanner {
  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    _ = offsetOfNextToken()
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(
    _ character: Unicode.Scalar, _ meaning: String
  ) throws(SafeTensorsError) {
    if !accept(character) { throw unexpected(meaning, .invalidSyntax) }
  }

  /// The error for a value of another type, or for something that starts no value at all.
  private func unexpectedValue(_ meaning: String) -> SafeTensorsError {
    let startsValue = next.map("{[\"-0123456789tfn".utf8.contains) ?? false
    return unexpected(meaning, startsValue ? .wrongType : .invalidSyntax)
  }

  private func unexpected(_ meaning: String, _ fault: SafeTensorsError.Fault) -> SafeTensorsError {
    let found = next.map { Unicode.Scalar($0).debugDescription } ?? "the header's end"
    return SafeTensorsError(fault, at: start + position, "expected \(meaning), found \(found)")
  }
}

// MARK: - Integers

extension HeaderScanner {
  private mutating func integer() throws(SafeTensorsError) -> Int {
    let first = position
    var (value, isOverflow) = (0, false)
    while let next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) {
      let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, isTooLargeBySum) = tens.addingReportingOverflow(Int(next - UInt8(ascii: "0")))
      value = sum
      isOverflow = isOverflow || isTooLarge || isTooLargeBySum
      position += 1
    }
    let digits = bytes[first..<position]
    if digits.isEmpty && next != UInt8(ascii: "-") {
      throw unexpectedValue("an unsigned integer")
    }
    guard !digits.isEmpty, digits.count == 1 || digits.first != UInt8(ascii: "0"),
      !(next.map(".eE".utf8.contains) ?? false)
    else {
      throw SafeTensorsError(
        .invalidInteger, at: start + first,
        "expected digits without sign, leading zero, fraction or exponent")
    }
    guard !isOverflow else {
      throw SafeTensorsError(.integerTooLarge, at: start + first, "a number is above \(Int.max)")
    }
    return value
  }
}

// MARK: - Strings

extension HeaderScanner {
  /// The rest of a string whose opening quote has been read.
  private mutating func restOfString() throws(SafeTensorsError) -> String {
    var content: [UInt8] = []
    while let next {
      let offset = start + position
      position += 1
      switch next {
      case UInt8(ascii: "\""): return String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "\\"): content += Array(String(try escapedScalar(at: offset)).utf8)
      case 0..<0x20:
        throw SafeTensorsError(
          .controlCharacter, at: offset, "a control character must be escaped: got \(next)")
      default: content.append(next)
      }
    }
    throw unexpected("the string's closing quote", .invalidSyntax)
  }

  /// What an escape stands for, its backslash at `offset` in the file.
  private mutating func escapedScalar(
    at offset: Int
  ) throws(SafeTensorsError) -> Unicode.Scalar {
    let letter = next.map { Unicode.Scalar($0) }
    position += 1
    switch letter {
    case "\"", "\\", "/": return letter!
    case "b": return "\u{08}"
    case "f": return "\u{0C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "u": break
    default: throw SafeTensorsError(.invalidEscape, at: offset, "JSON has no such escape")
    }
    let unit = try hexadecimalUnit(at: offset)
    if let scalar = Unicode.Scalar(unit) { return scalar }
    // A surrogate: the first of a pair counts 2¹⁰ scalars above U+FFFF, the second counts one.
    if UTF16.isLeadSurrogate(unit), bytes[position...].starts(with: #"\u"#.utf8) {
      position += 2
      let trail = try hexadecimalUnit(at: start + position - 2)
      if UTF16.isTrailSurrogate(trail) {
        return Unicode.Scalar(0x10000 + UInt32(unit & 0x3FF) << 10 + UInt32(trail & 0x3FF))!
      }
    }
    throw SafeTensorsError(.loneSurrogate, at: offset, "a surrogate stands without its other half")
  }

  /// The four hexadecimal digits after `\u`, the backslash at `offset` in the file.
  private mutating func hexadecimalUnit(at offset: Int) throws(SafeTensorsError) -> UInt16 {
    let digits = bytes[position...].prefix(4)
    let values = digits.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    guard values.count == 4 else {
      throw SafeTensorsError(.invalidEscape, at: offset, "\\u needs four hexadecimal digits")
    }
    position += 4
    return values.reduce(0) { $0 << 4 | UInt16($1) }
  }
}
