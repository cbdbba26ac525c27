/// The search for the smallest case that still fails.
///
/// After the internal reduction of Hypothesis (D. MacIver and A. Donaldson, "Test-case reduction via
/// test-case generation", ECOOP 2020): it edits choices, never values, and runs the property again
/// on each edit. Smaller is what has fewer choices, and among as many, the earlier in dictionary
/// order; a seed counts as all the choices that it stands for.
struct Shrinker {
  /// The place of a choice.
  private typealias Position = (draw: Int, choice: Int)

  private let property: Property
  private var best: Draw
  private var budget: Int
  private var tried: Set<[[Int]]> = []

  init(property: Property, failing draw: Draw, budget: Int) {
    self.property = property
    self.best = draw
    self.budget = budget
  }

  /// Edits until nothing makes the case smaller, or the budget is spent.
  mutating func smallest() -> [[Int]] {
    var before: [[Int]]
    repeat {
      before = best.draws
      deleteDraws()
      zeroDraws()
      lowerSizes()
      spellOutSeeds()
      lowerChoices()
      lowerEqualChoices()
      lowerPairs()
    } while best.draws != before && budget > 0
    return best.draws
  }

  // MARK: - Trying

  /// Runs the property on an edited case and remembers it if it is the best; `nil` without budget.
  private mutating func run(_ draws: [[Int]]) -> Draw? {
    guard budget > 0 else { return nil }
    budget -= 1
    let draw = Draw(given: draws)
    if case .failed = property.run(draw), draw.isSmaller(than: best) { best = draw }
    return draw
  }

  /// Whether an edited case is the best so far; none is run twice.
  private mutating func improves(_ draws: [[Int]]) -> Bool {
    guard tried.insert(draws).inserted, let draw = run(draws) else { return false }
    return draw === best
  }

  // MARK: - Edits

  /// Deletes draws, alone or together with lowering a size before them by as much.
  private mutating func deleteDraws() {
    for length in [8, 4, 2, 1] {
      for start in best.records.indices.reversed() where start + length <= best.records.count {
        var shorter = best.draws
        shorter.removeSubrange(start..<start + length)
        if improves(shorter) { continue }
        for size in 0..<start where best.records[size].isSize && shorter[size][0] >= length {
          var lowered = shorter
          lowered[size][0] -= length
          if improves(lowered) { break }
        }
      }
    }
  }

  private mutating func zeroDraws() {
    for index in best.records.indices where index < best.records.count {
      var draws = best.draws
      draws[index] = []
      _ = improves(draws)
    }
  }

  private mutating func lowerSizes() {
    var index = 0
    while index < best.records.count {
      let size = best.records[index].isSize ? best.records[index].choices[0] : 0
      var isLowered = false
      for lower in Set([0, 1, size / 2, size - 1]).sorted()
      where (0..<size).contains(lower) && !isLowered {
        isLowered = lowersSize(index, from: size, to: lower)
      }
      if !isLowered { index += 1 }
    }
  }

  /// Lowers a size and deletes, in every tensor that thereby loses rows or columns, the same ones.
  private mutating func lowersSize(_ index: Int, from size: Int, to lower: Int) -> Bool {
    let old = best.records
    var draws = best.draws
    draws[index][0] = lower
    // Without deletions a tensor keeps its first elements, whose rows then break elsewhere. It may
    // fail all the same; if not, the shapes that it drew tell which tensors follow the size.
    guard let probe = run(draws) else { return false }
    if probe === best { return true }
    let followers = zip(old, probe.records).enumerated().compactMap { draw, records in
      records.1.shape.flatMap { records.0.isCut(to: $0) ? (draw, $0) : nil }
    }
    guard !followers.isEmpty else { return false }
    for first in stride(from: lower, through: 0, by: lower - size) {
      for (draw, shape) in followers {
        draws[draw] = old[draw].choices(keeping: shape, withoutSlicesFrom: first)
      }
      if improves(draws) { return true }
    }
    return false
  }

  private mutating func spellOutSeeds() {
    for index in best.records.indices where index < best.records.count {
      let record = best.records[index]
      guard (1...Fill.largestSpelledOut).contains(record.expanded.count) else { continue }
      var draws = best.draws
      let kind = record.elementsStart - 1
      draws[index] = record.choices[..<kind] + [Fill.eachElement.rawValue] + record.expanded
      _ = improves(draws)
    }
  }

  private mutating func lowerChoices() {
    for position in positions() { lower([position]) }
  }

  /// Lowers choices that are equal together: two extents that must agree cannot be lowered singly.
  private mutating func lowerEqualChoices() {
    struct Key: Hashable {
      let value: Int
      let isSize: Bool
    }
    let groups = Dictionary(grouping: positions()) { position in
      let record = best.records[position.draw]
      return Key(value: record.choices[position.choice], isSize: record.isSize)
    }
    for (_, positions) in groups.sorted(by: { ($0.value[0]) < ($1.value[0]) })
    where positions.count > 1 {
      lower(positions)
    }
  }

  /// Lowers a choice at the cost of the next: exchanges them, raises the next by one, or by as much.
  private mutating func lowerPairs() {
    let positions = positions()
    for (first, second) in zip(positions, positions.dropFirst()) {
      guard let a = value(at: first), let b = value(at: second) else { return }
      for (lower, higher) in [(b, a), (0, b + 1)] where lower < a {
        var draws = best.draws
        draws[first.draw][first.choice] = lower
        draws[second.draw][second.choice] = higher
        if improves(draws) { break }
      }
      lower([first], raising: second)
    }
  }

  /// Lowers equal choices as far as the property keeps failing, and raises another by as much.
  private mutating func lower(_ positions: [Position], raising other: Position? = nil) {
    func draws(loweredTo new: Int) -> [[Int]]? {
      var draws = best.draws
      for position in positions {
        guard let old = value(at: position) else { return nil }
        draws[position.draw][position.choice] = new
        if let other, value(at: other) != nil { draws[other.draw][other.choice] += old - new }
      }
      return draws
    }
    guard let start = value(at: positions[0]) else { return }
    // The first choices are the simple values, and what follows them is not ordered by size: each
    // is tried before the bisection.
    let simple = min(17, start)
    for choice in 0..<simple {
      guard let draws = draws(loweredTo: choice) else { return }
      if improves(draws) { return }
    }
    // Odd and even choices often differ in sign, so the bisection stays with one sort.
    var (tooLow, high) = (simple - 1, start)
    while tooLow + 2 < high {
      let middle = high - max(2, (high - tooLow) / 4 * 2)
      guard let draws = draws(loweredTo: middle) else { return }
      if improves(draws) { high = middle } else { tooLow = middle }
    }
    if tooLow + 1 < high, let draws = draws(loweredTo: high - 1) { _ = improves(draws) }
  }

  private func value(at position: Position) -> Int? {
    guard position.draw < best.records.count else { return nil }
    let choices = best.records[position.draw].choices
    return position.choice < choices.count ? choices[position.choice] : nil
  }

  private func positions() -> [Position] {
    best.records.enumerated().flatMap { draw, record in
      record.choices.indices.map { (draw, $0) }
    }
  }
}

extension Draw {
  /// The number of choices, those included that seeds stand for.
  private var length: Int { records.reduce(0) { $0 + $1.choices.count + $1.expanded.count } }

  fileprivate func isSmaller(than other: Draw) -> Bool {
    length == other.length
      ? draws.joined().lexicographicallyPrecedes(other.draws.joined()) : length < other.length
  }
}

extension Draw.Record {
  /// Whether this is a tensor drawn element by element from which slices go to reach a shape.
  fileprivate func isCut(to smaller: [Int]) -> Bool {
    guard let shape, shape.count == smaller.count, shape != smaller else { return false }
    return zip(smaller, shape).allSatisfy(<=)
  }

  /// The choices of a tensor drawn element by element, cut down to a smaller shape.
  ///
  /// Along each dimension that loses slices, those go that start at `first`, or as close as fits.
  fileprivate func choices(keeping smaller: [Int], withoutSlicesFrom first: Int) -> [Int] {
    let shape = self.shape!
    let kept = choices.indices.dropFirst(elementsStart).filter { position in
      var rest = position - elementsStart
      for dimension in shape.indices.reversed() {
        let (index, lost) = (rest % shape[dimension], shape[dimension] - smaller[dimension])
        rest /= shape[dimension]
        let gone = min(first, smaller[dimension])
        if (gone..<gone + lost).contains(index) { return false }
      }
      return true
    }
    return choices[..<elementsStart] + kept.map { choices[$0] }
  }
}
