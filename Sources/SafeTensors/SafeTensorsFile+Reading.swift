import Foundation

extension SafeTensorsFile {
  /// Reads the bytes of a file, strictly: whatever the format does not define is refused.
  public init(bytes: [UInt8]) throws(SafeTensorsError) {
    try self.init(count: bytes.count) { Array(bytes[$0]) }
  }

  /// Reads a file, strictly: whatever the format does not define is refused.
  ///
  /// The data is read only after the header has been checked against the length of the file.
  public init(contentsOf url: URL) throws(SafeTensorsError) {
    func unreadable(_ reason: String) -> SafeTensorsError {
      SafeTensorsError(.unreadableFile, key: url.path, reason)
    }
    guard url.isFileURL else { throw unreadable("not the path of a file") }
    let (file, count): (FileHandle, UInt64)
    do {
      file = try FileHandle(forReadingFrom: url)
      count = try file.seekToEnd()
    } catch {
      throw unreadable(error.localizedDescription)
    }
    try self.init(count: Int(count)) { (range) throws(SafeTensorsError) in
      let data: Data?
      do {
        try file.seek(toOffset: UInt64(range.lowerBound))
        data = try file.read(upToCount: range.count)
      } catch {
        throw unreadable(error.localizedDescription)
      }
      let bytes = [UInt8](data ?? Data())
      guard bytes.count == range.count else { throw unreadable("changed while it was read") }
      return bytes
    }
  }

  /// Reads a file of `count` bytes, of which `read` gives any range.
  private init(
    count: Int, read: (Range<Int>) throws(SafeTensorsError) -> [UInt8]
  ) throws(SafeTensorsError) {
    let start = 8
    guard count >= start else {
      throw SafeTensorsError(
        .fileTooShort, at: count, "the header's length takes \(start) bytes, the file has \(count)")
    }
    let length = UInt64.decoded(try read(0..<start))[0]
    guard length <= Header.maximumLength else {
      throw SafeTensorsError(
        .headerTooLong, at: 0, "the header has \(length) bytes, above \(Header.maximumLength)")
    }
    guard length <= count - start else {
      throw SafeTensorsError(
        .headerBeyondFile, at: 0,
        "the header has \(length) bytes, but the file only \(count - start) after its length")
    }
    let dataStart = start + Int(length)
    let header = try Header(
      read(start..<dataStart), start: start, dataCount: count - dataStart)

    self.init(metadata: header.metadata)
    for entry in header.entries {
      let begin = dataStart + entry.range.lowerBound
      let bytes = try read(begin..<dataStart + entry.range.upperBound)
      if entry.dataType == .bool, let index = bytes.firstIndex(where: { $0 > 1 }) {
        throw SafeTensorsError(
          .invalidBoolean, at: begin + index, key: entry.name, "\(bytes[index]) is not 0 or 1")
      }
      tensors[entry.name] = StoredTensor(
        dataType: entry.dataType, shape: entry.shape, bytes: bytes)
    }
  }
}
