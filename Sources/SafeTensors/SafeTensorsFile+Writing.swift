import Foundation
import Notation

// The canonical form: compact JSON, metadata first and sorted by key, tensors by type in the order of
// `DataType`'s cases and then by name, data in the order of the header. The header is padded with
// spaces to a multiple of eight bytes, so that every tensor is aligned to its elements. Sorting is by
// the bytes of UTF-8, which no version of Unicode changes.

extension SafeTensorsFile {
  /// The file's bytes in canonical form: the same contents give the same bytes.
  ///
  /// Python's `safetensors` 0.8.0 writes the same bytes for the same tensors, but several entries of
  /// metadata in an order that changes from one call to the next.
  public func serialized() -> [UInt8] {
    require(
      tensors[Header.metadataKey] == nil,
      "\(Header.metadataKey) is the key of the metadata: no tensor can have this name")
    let ordered = DataType.allCases.flatMap { dataType in
      tensors.filter { $0.value.dataType == dataType }.sorted { precedes($0.key, $1.key) }
    }

    var members: [String] = []
    if !metadata.isEmpty {
      let entries = metadata.sorted { precedes($0.key, $1.key) }
        .map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\(quoted(Header.metadataKey)):{\(entries.joined(separator: ","))}")
    }
    var offset = 0
    for (name, tensor) in ordered {
      let (begin, end) = (offset, offset + tensor.bytes.count)
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        #"\#(quoted(name)):{"dtype":"\#(tensor.dataType.rawValue)","shape":[\#(shape)],"#
          + #""data_offsets":[\#(begin),\#(end)]}"#)
      offset = end
    }

    var header = Array("{\(members.joined(separator: ","))}".utf8)
    header += Array(repeating: UInt8(ascii: " "), count: -header.count & 7)
    require(
      header.count <= Header.maximumLength,
      "names, shapes and metadata take \(header.count) bytes: "
        + "at most \(Header.maximumLength) can be written")

    var bytes = UInt64.encoded([UInt64(header.count)])
    bytes.reserveCapacity(bytes.count + header.count + offset)
    bytes += header
    for (_, tensor) in ordered { bytes += tensor.bytes }
    return bytes
  }

  /// Writes the canonical form to a file, which is replaced as a whole or not at all.
  public func write(to url: URL) throws(SafeTensorsError) {
    do {
      try Data(serialized()).write(to: url, options: .atomic)
    } catch {
      throw SafeTensorsError(.unwritableFile, key: url.path, error.localizedDescription)
    }
  }
}

private func precedes(_ a: String, _ b: String) -> Bool {
  a.utf8.lexicographicallyPrecedes(b.utf8)
}

/// A JSON string: only what must be escaped is, in the shortest form there is.
private func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += #"\""#
    case "\\": result += #"\\"#
    case "\u{08}": result += #"\b"#
    case "\t": result += #"\t"#
    case "\n": result += #"\n"#
    case "\u{0C}": result += #"\f"#
    case "\r": result += #"\r"#
    case "\0"..<" ":
      let digits = String(scalar.value, radix: 16)
      result += #"\u"# + String(repeating: "0", count: 4 - digits.count) + digits
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
