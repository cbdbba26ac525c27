/// The header of a file: what each tensor is and where its bytes are, checked before any is read.
struct Header {
  /// The text about the tensors, by key.
  private(set) var metadata: [String: String] = [:]
  /// The tensors in the order of their data.
  private(set) var entries: [Entry] = []

  /// The key under which the header holds the metadata.
  static let metadataKey = "__metadata__"
  /// The largest length that the format allows, in bytes.
  static let maximumLength = 100_000_000

  /// A tensor as the header describes it.
  struct Entry {
    let name: String
    let dataType: DataType
    let shape: [Int]
    /// The tensor's bytes, counted from the end of the header.
    let range: Range<Int>
    /// The place in the file of the offsets, for errors.
    let offset: Int
  }

  /// Reads the header that starts at byte `start` of a file and has `dataCount` bytes of data after it.
  init(_ bytes: [UInt8], start: Int, dataCount: Int) throws(SafeTensorsError) {
    guard bytes.first == UInt8(ascii: "{") else {
      throw SafeTensorsError(.headerNotAnObject, at: start, "the header must start with '{'")
    }
    try checkUTF8(bytes, start: start)

    var scanner = HeaderScanner(bytes, start: start)
    var object = try scanner.openObject("the header's object")
    while let (key, _) = try scanner.nextKey(of: &object) {
      if key == Header.metadataKey {
        metadata = try scanner.metadata()
      } else {
        entries.append(try scanner.entry(named: key))
      }
    }
    try scanner.expectPadding()

    // A tensor without elements takes no bytes: it comes before the one that begins where it does.
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound, $0.offset)
        < ($1.range.lowerBound, $1.range.upperBound, $1.offset)
    }
    try checkLayout(dataStart: start + bytes.count, dataCount: dataCount)
  }

  /// Makes sure that the tensors cover the data from its first byte to its last, each byte once.
  private func checkLayout(dataStart: Int, dataCount: Int) throws(SafeTensorsError) {
    var covered = 0
    for entry in entries {
      let (begin, end) = (entry.range.lowerBound, entry.range.upperBound)
      func fault(_ fault: SafeTensorsError.Fault, _ detail: String) -> SafeTensorsError {
        SafeTensorsError(fault, at: entry.offset, key: entry.name, detail)
      }
      if begin > covered {
        throw fault(.hole, "begins at \(begin) of the data, but the one before ends at \(covered)")
      }
      if begin < covered {
        throw fault(
          .overlap, "begins at \(begin) of the data, but the one before ends at \(covered)")
      }
      if end > dataCount {
        throw fault(.offsetsBeyondFile, "ends at \(end) of the data, which has \(dataCount) bytes")
      }
      covered = end
    }
    if covered < dataCount {
      throw SafeTensorsError(
        .uncoveredData, at: dataStart + covered,
        "the last \(dataCount - covered) bytes belong to no tensor")
    }
  }
}

/// Makes sure that a header is UTF-8, and says where it is not.
private func checkUTF8(_ bytes: [UInt8], start: Int) throws(SafeTensorsError) {
  var (parser, iterator, position) = (UTF8.ForwardParser(), bytes.makeIterator(), 0)
  while true {
    switch parser.parseScalar(from: &iterator) {
    case .valid(let scalar): position += scalar.count
    case .emptyInput: return
    case .error:
      throw SafeTensorsError(.invalidUTF8, at: start + position, "no character is encoded so")
    }
  }
}

// MARK: - Members

extension HeaderScanner {
  /// The object of the metadata: strings by key.
  fileprivate mutating func metadata() throws(SafeTensorsError) -> [String: String] {
    var metadata: [String: String] = [:]
    var object = try openObject("an object of metadata")
    while let (key, _) = try nextKey(of: &object) {
      metadata[key] = try string("a string of metadata")
    }
    return metadata
  }

  /// The object of a tensor: exactly `dtype`, `shape` and `data_offsets`, in any order.
  fileprivate mutating func entry(named name: String) throws(SafeTensorsError) -> Header.Entry {
    let start = offsetOfNextToken()
    var dataType: DataType?
    var shape: (extents: [Int], offset: Int)?
    var offsets: (pair: [Int], offset: Int)?

    var object = try openObject("a tensor's object")
    while let (field, fieldOffset) = try nextKey(of: &object) {
      let offset = offsetOfNextToken()
      switch field {
      case "dtype":
        let type = try string("the name of a type")
        dataType = DataType(rawValue: type)
        if dataType == nil {
          throw SafeTensorsError(
            .unknownDataType, at: offset, key: name, "there is no type \(type.debugDescription)")
        }
      case "shape":
        let limit = StoredTensor.maximumRank
        shape = (
          try integers("an array of at most \(limit) extents", limit: limit, beyond: .rankTooHigh),
          offset
        )
      case "data_offsets":
        let pair = try integers("an array of two offsets", limit: 2, beyond: .offsetsNotAPair)
        offsets = (pair, offset)
      default:
        throw SafeTensorsError(
          .unknownField, at: fieldOffset, key: field,
          "a tensor has exactly dtype, shape and data_offsets")
      }
    }

    func missing(_ field: String) -> SafeTensorsError {
      SafeTensorsError(
        .missingField, at: start, key: field, "the tensor \(name.debugDescription) lacks it")
    }
    guard let dataType else { throw missing("dtype") }
    guard let shape else { throw missing("shape") }
    guard let offsets else { throw missing("data_offsets") }

    guard let byteCount = dataType.byteCount(ofShape: shape.extents) else {
      throw SafeTensorsError(
        .sizeOverflow, at: shape.offset, key: name, "its size is above \(Int.max) bytes")
    }
    guard offsets.pair.count == 2 else {
      throw SafeTensorsError(
        .offsetsNotAPair, at: offsets.offset, key: name,
        "expected two offsets, found \(offsets.pair.count)")
    }
    let (begin, end) = (offsets.pair[0], offsets.pair[1])
    guard begin <= end else {
      throw SafeTensorsError(
        .offsetsReversed, at: offsets.offset, key: name, "begins at \(begin) and ends at \(end)")
    }
    guard end - begin == byteCount else {
      throw SafeTensorsError(
        .sizeMismatch, at: offsets.offset, key: name,
        "has \(end - begin) bytes, but \(dataType.rawValue) of shape \(shape.extents) takes "
          + "\(byteCount)")
    }
    return Header.Entry(
      name: name, dataType: dataType, shape: shape.extents, range: begin..<end,
      offset: offsets.offset)
  }
}
