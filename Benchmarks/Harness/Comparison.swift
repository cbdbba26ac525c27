/// What differs between two runs by more than their noise.
///
/// A row has changed if both its time and its share of the limit have: drift of the machine changes
/// times and leaves shares alone, and what happens to the limit's own loop, as to a memcpy that stays
/// in a cache or not, changes shares and leaves times alone. Each has changed if the median of either
/// run would be an outlier in the other: beyond Tukey's fences, 1.5 times the distance of the quartiles
/// outside them. The samples of a run come from several passes, so that the distance has also what
/// changes from one to the next. What changes from process to process, as where code and data lie, it
/// does not have: a short call must have changed by more than that, too.
struct Comparison {
  /// Calls that take less time, in seconds, are short.
  static let shortTime = 10e-6
  /// What a short call must have changed by: of 410 rows that ran twice in the same build, calls of 0.1 to
  /// 5 µs were up to 1.19 times as fast, with quartiles 1 % apart.
  static let shortFactor = 1.25
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
      let isFaster = new.kernelSeconds.median < old.kernelSeconds.median
      return old.kernelSeconds.isApart(from: new.kernelSeconds)
        && old.shareOfLimit.isApart(from: new.shareOfLimit) && isFaster == (factor > 1)
        && (!isShort || max(factor, 1 / factor) > Comparison.shortFactor)
    }

    private var isShort: Bool {
      min(old.kernelSeconds.median, new.kernelSeconds.median) < Comparison.shortTime
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
