/// What differs between two runs by more than their noise.
///
/// Compared are shares of the limit, since drift changes a time and its limit alike. A row has changed
/// if the median of each run would be an outlier in the other: beyond Tukey's fences, 1.5 times the
/// distance of the quartiles outside them. The samples of a run come from several passes, so the
/// distance also has what changes from minute to minute.
struct Comparison {
  /// Below this number of samples nothing is said: quartiles need some.
  static let fewestSamples = Effort.full.passes * Effort.full.fewest

  /// A row in both runs.
  struct Pair {
    let old: Row
    let new: Row

    /// How many times as fast the kernel is now.
    var factor: Double { new.shareOfLimit.median / old.shareOfLimit.median }

    var isComparable: Bool {
      (old.operations, old.bytes, old.limit) == (new.operations, new.bytes, new.limit)
        && min(old.shareOfLimit.samples, new.shareOfLimit.samples) >= fewestSamples
    }

    var hasChanged: Bool {
      !old.shareOfLimit.fences.contains(new.shareOfLimit.median)
        && !new.shareOfLimit.fences.contains(old.shareOfLimit.median)
    }
  }

  let changed: [Pair]
  let unchanged: [Pair]
  /// Rows with few samples, or whose work is counted in another way than it was.
  let incomparable: [Pair]
  /// Rows that the old run does not have.
  let added: [Row]

  init(from old: [Row], to new: [Row]) {
    let pairs = new.compactMap { row in
      old.first { ($0.name, $0.threads) == (row.name, row.threads) }.map { Pair(old: $0, new: row) }
    }
    let comparable = pairs.filter(\.isComparable)
    changed = comparable.filter(\.hasChanged)
    unchanged = comparable.filter { !$0.hasChanged }
    incomparable = pairs.filter { !$0.isComparable }
    added = new.filter { row in
      !pairs.contains { ($0.new.name, $0.new.threads) == (row.name, row.threads) }
    }
  }
}

extension Comparison {
  /// A line for each row that changed, under a sentence that counts them.
  func text(old: String) -> String {
    let compared = changed.count + unchanged.count
    var sentence =
      "Compared with \(old): \(changed.count) of \(compared) rows changed beyond the noise"
    if !incomparable.isEmpty {
      sentence +=
        "; \(incomparable.count) not judged (below \(Comparison.fewestSamples) samples, or counted "
        + "in another way)"
    }
    if !added.isEmpty { sentence += "; \(added.count) new" }
    let lines = changed.map { pair in
      "  \(pair.new.name), \(threadCount(pair.new.threads)): \(decimal(pair.factor, 2)) times as fast, "
        + "\(milliseconds(pair.old.kernelSeconds.median)) → "
        + "\(milliseconds(pair.new.kernelSeconds.median)) ms, "
        + "\(share(pair.old)) → \(share(pair.new)) of the limit"
    }
    return ([sentence + "."] + lines).joined(separator: "\n")
  }

  private func share(_ row: Row) -> String {
    "\(decimal(row.shareOfLimit.median * 100, 1)) % (± \(decimal(row.shareOfLimit.percent, 1)) %)"
  }
}
