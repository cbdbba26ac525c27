extension Inventory {
  /// A row with its topic, or a topic as a whole.
  public struct Subject: Sendable {
    /// The topic.
    public let topic: Topic
    /// The row; `nil` for the topic as a whole.
    public let entry: Entry?
  }

  /// What an id or a topic's name stands for, whatever its case, spaces, hyphens and leading zeros.
  public func subject(named name: String) -> Subject? {
    let wanted = key(name)
    for topic in topics {
      if key(topic.title) == wanted { return Subject(topic: topic, entry: nil) }
      for entry in topic.entries where key(entry.id) == wanted {
        return Subject(topic: topic, entry: entry)
      }
    }
    return nil
  }

  /// The ids and titles that are most like a text, the nearest first, each with its name.
  ///
  /// An id or a title counts as a whole; a row's name by its part that is most like the text.
  public func nearest(to text: String, count: Int = 5) -> [String] {
    let text = text.lowercased()
    var candidates = topics.map {
      (text: $0.title, distance: distance(from: text, to: $0.title.lowercased()))
    }
    for entry in entries {
      let id = distance(from: text, to: entry.id.lowercased())
      let name = distance(from: text, to: entry.name.lowercased(), anywhere: true)
      candidates.append(("\(entry.id)  \(entry.name)", min(id, name)))
    }
    return candidates.sorted { $0.distance < $1.distance }.prefix(count).map(\.text)
  }
}

/// The letters and numbers of a name: `clm7` for `CLM-07`.
private func key(_ name: String) -> String {
  name.lowercased().split { !$0.isLetter && !$0.isNumber }
    .map { $0.drop { $0 == "0" } }.joined()
}

/// How many characters must be inserted, removed or replaced to turn one text into another.
///
/// d_ij is the distance of the first i characters from the first j. With `anywhere` a part of the
/// other text counts as well as the whole: what stands before and after it costs nothing.
func distance(from text: String, to other: String, anywhere: Bool = false) -> Int {
  let (text, other) = (Array(text), Array(other))
  var row = (0...other.count).map { anywhere ? 0 : $0 }
  for i in text.indices {
    var next = [i + 1]
    for j in other.indices {
      next.append(min(row[j] + (text[i] == other[j] ? 0 : 1), row[j + 1] + 1, next[j] + 1))
    }
    row = next
  }
  return anywhere ? row.min()! : row[other.count]
}
