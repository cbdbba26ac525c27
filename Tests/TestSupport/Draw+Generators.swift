import Notation

// Every generator takes the name under which a failure shows what it gave.

extension Draw {
  /// The sizes that `size` prefers: nothing, one, around eight and sixteen lanes, and primes.
  public static let sizeEdges = [0, 1, 7, 8, 9, 15, 16, 17, 2, 3, 5, 11, 13, 19, 23, 29, 31, 37]

  /// An extent or a length, most often one where blocked code changes its path.
  ///
  /// Each block size b in `blocks` adds b − 1, b, b + 1 and 2b + 3. Draw the length of a list with
  /// this, not with `integer`: the shrinker then drops elements from anywhere.
  public func size(
    _ name: String, from least: Int = 0, upTo most: Int = 40, blocks: [Int] = []
  ) -> Int {
    let edges = (Draw.sizeEdges + blocks.flatMap { [$0 - 1, $0, $0 + 1, 2 * $0 + 3] })
      .filter { (least...most).contains($0) }
    begin(isSize: true)
    let size =
      least
      + choice(upTo: most - least) { stream in
        edges.isEmpty || stream.isOne(in: 3)
          ? stream.integer(upTo: most - least) : stream.element(of: edges) - least
      }
    note(name, size)
    return size
  }

  /// An integer, more often one of the two bounds; 0 or the one nearest to it is the simplest.
  public func integer(_ name: String, in range: ClosedRange<Int>) -> Int {
    begin()
    let width = range.upperBound - range.lowerBound
    let chosen = choice(upTo: width) { stream in
      // The last choice is the bound that is farther from 0, the one before it often the other.
      stream.isOne(in: 4) ? max(0, width - stream.integer(upTo: 1)) : stream.integer(upTo: width)
    }
    let integer =
      if range.lowerBound >= 0 {
        range.lowerBound + chosen
      } else if range.upperBound <= 0 {
        range.upperBound - chosen
      } else {
        alternating(chosen, below: -range.lowerBound, above: range.upperBound)
      }
    note(name, integer)
    return integer
  }

  /// True with the probability given; false is the simpler.
  public func bool(_ name: String, probability: Double = 0.5) -> Bool {
    begin()
    let isTrue = choice(upTo: 1) { $0.uniform() < probability ? 1 : 0 } == 1
    note(name, isTrue)
    return isTrue
  }

  /// One of the elements; the first is the simplest.
  public func element<Element>(_ name: String, of elements: [Element]) -> Element {
    begin()
    let last = elements.count - 1
    let element = elements[choice(upTo: last) { $0.integer(upTo: last) }]
    note(name, String(describing: element))
    return element
  }

  /// The numbers 0 ..< count in some order; ascending is the simplest.
  public func permutation(_ name: String, count: Int) -> [Int] {
    begin()
    describe { $0.shape = [max(count - 1, 0)] }
    var permutation = Array(0..<count)
    for i in permutation.indices.dropLast() {
      permutation.swapAt(i, i + choice(upTo: count - 1 - i) { $0.integer(upTo: count - 1 - i) })
    }
    note(name, permutation)
    return permutation
  }

  /// A number.
  public func value(_ name: String, _ values: Values = .finite) -> Float {
    begin()
    let value = values.value(choice(upTo: values.limit, values.pick))
    note(name, value)
    return value
  }

  /// A tensor of numbers.
  public func tensor(_ name: String, _ shape: [Int], _ values: Values = .finite) -> Tensor<Float> {
    begin()
    let tensor = fill(shape, limit: values.limit, values.pick, values.value)
    note(name, tensor)
    return tensor
  }

  /// A tensor of integers in −magnitude … magnitude, for kernels that must then be exact.
  public func integerTensor(_ name: String, _ shape: [Int], magnitude: Int) -> Tensor<Float> {
    begin()
    let tensor = fill(shape, limit: 2 * magnitude, { $0.integer(upTo: 2 * magnitude) }) {
      Float(alternating($0, below: magnitude, above: magnitude))
    }
    note(name, tensor)
    return tensor
  }

  /// Fills a tensor, each element a function of one choice.
  ///
  /// Small tensors are drawn element by element, so that the shrinker can reach each. Large ones
  /// are expanded from a seed: a case stays a short line, and shrinking works on their shape. Once
  /// the shape is small enough, the shrinker writes the seed's elements out and goes on with them.
  private func fill<Element>(
    _ shape: [Int], limit: Int, _ pick: (inout RandomStream) -> Int,
    _ element: (Int) -> Element
  ) -> Tensor<Element> {
    let count = shape.reduce(1, *)
    let last = count <= Fill.largestSpelledOut ? Fill.eachElement : .seeded
    describe { $0.elementsStart = $0.choices.count + 1 }
    let kind = choice(upTo: last.rawValue) { ($0.isOne(in: 8) ? Fill.constant : last).rawValue }
    switch Fill(rawValue: kind)! {
    case .constant:
      return Tensor(shape: shape, repeating: element(choice(upTo: limit, pick)))
    case .seeded:
      let seed = choice(upTo: 0xFFFF) { $0.integer(upTo: 0xFFFF) }
      var stream = RandomStream(seed: UInt64(seed))
      let choices = (0..<count).map { _ in pick(&stream) }
      describe { $0.expanded = choices }
      return Tensor(shape: shape, storage: choices.map(element))
    case .eachElement:
      describe { $0.shape = shape }
      let elements = (0..<count).map { _ in element(choice(upTo: limit, pick)) }
      return Tensor(shape: shape, storage: elements)
    }
  }
}

/// How a tensor's elements are described by choices.
enum Fill: Int {
  case constant, seeded, eachElement

  static let largestSpelledOut = 64
}

// MARK: - Masks

/// The kinds of mask that `Draw.mask` gives, simplest first.
public enum MaskKind: String, CaseIterable, Sendable {
  /// No mask.
  case none = "no mask"
  /// A tensor that hides nothing.
  case allTrue = "all true"
  /// Query i sees the keys 0 … i.
  case causal = "causal"
  /// The last query sees nothing.
  case lastRowEmpty = "last row empty"
  /// Some query sees nothing.
  case oneRowEmpty = "one row empty"
  /// Causal, and the first or the last keys are hidden from everybody.
  case causalAndPadding = "causal and padding"
  /// Any tensor of truth values.
  case random = "random"
}

extension Draw {
  /// A mask for scores of the shape leading × rows × columns, with its kind, which a failure shows.
  ///
  /// Its tensor has the leading extents, or 1 instead of each.
  public func mask(
    leading: [Int] = [], rows: Int, columns: Int
  ) -> (mask: AttentionMask<Float>, kind: MaskKind) {
    begin()
    let kinds = MaskKind.allCases
    let kind = kinds[choice(upTo: kinds.count - 1) { $0.integer(upTo: kinds.count - 1) }]
    let mask = mask(of: kind, leading: leading, rows: rows, columns: columns)
    note(kind.rawValue, true)
    if let keep = mask.keep { note("keep", keep.map { $0 ? 1.0 : 0.0 }) }
    return (mask, kind)
  }

  private func mask(
    of kind: MaskKind, leading: [Int], rows: Int, columns: Int
  ) -> AttentionMask<Float> {
    let isRepeated = choice(upTo: 1) { $0.integer(upTo: 1) } == 0
    let leading = isRepeated ? leading.map { _ in 1 } : leading
    let shape = leading + [rows, columns]

    func hiding(row hidden: Int) -> AttentionMask<Float> {
      .keep(
        Tensor(
          shape: shape,
          storage: (0..<shape.reduce(1, *)).map { $0 / max(columns, 1) % max(rows, 1) != hidden }))
    }
    switch kind {
    case .none: return .none
    case .allTrue: return .keep(Tensor(shape: shape, repeating: true))
    case .causal: return .causal
    case .lastRowEmpty: return hiding(row: rows - 1)
    case .oneRowEmpty:
      let last = max(rows - 1, 0)
      return hiding(row: choice(upTo: last) { $0.integer(upTo: last) })
    case .causalAndPadding:
      let hidden = choice(upTo: columns) { $0.integer(upTo: columns) }
      let isAtEnd = choice(upTo: 1) { $0.integer(upTo: 1) } == 0
      let padding = (0..<columns).map { isAtEnd ? $0 < columns - hidden : $0 >= hidden }
      let keep = Tensor(shape: leading.map { _ in 1 } + [1, columns], storage: padding)
      return .causal && .keep(keep)
    case .random:
      return .keep(fill(shape, limit: 1, { $0.integer(upTo: 1) }) { $0 == 0 })
    }
  }
}

// MARK: - Values

/// Which numbers a draw gives.
///
/// Each number is one choice, ordered from simple to strange: 0, 1, −1, 2, −2 … come first.
public enum Values: Sendable {
  /// Numbers in −8 … 8: integers, sixteenths, and multiples of 2⁻²⁰.
  case ordinary
  /// The ordinary ones, the edges, and any other finite number.
  case finite
  /// The finite ones, the infinities, and NaN.
  case any

  /// Magnitudes where arithmetic changes: zero, subnormal, squares that vanish or overflow, near 1.
  public static let edges: [Float] = [
    0, 0x1p-149, Float.leastNormalMagnitude.nextDown, 0x1p-126, 0x1p-75, 0x1p-24, 0x1.fffffep-1, 1,
    0x1.000002p+0, 0x1p+24, 0x1p+64, 0x1p+127, 0x1.fffffep+127,
  ]

  /// Numbers of one kind: how many, how often out of sixteen, and each as a function of its place.
  private struct Part {
    let count: Int
    let weight: Int
    let value: @Sendable (Int) -> Float
  }

  private static let parts = [
    Part(count: 17, weight: 3) { Float(alternating($0, below: 8, above: 8)) },
    Part(count: 257, weight: 2) { Float(alternating($0, below: 128, above: 128)) / 16 },
    Part(count: 1 << 24 + 1, weight: 4) {
      Float(alternating($0, below: 1 << 23, above: 1 << 23)) * 0x1p-20
    },
    Part(count: 2 * edges.count, weight: 4) { $0 % 2 == 0 ? edges[$0 / 2] : -edges[$0 / 2] },
    Part(count: 2 * 0x7F80_0000, weight: 2) {
      Float(bitPattern: UInt32($0 / 2)) * ($0 % 2 == 0 ? 1 : -1)
    },
    Part(count: 3, weight: 1) { [Float.infinity, -.infinity, .nan][$0] },
  ]

  private var parts: ArraySlice<Part> {
    switch self {
    case .ordinary: Values.parts[..<3]
    case .finite: Values.parts[..<5]
    case .any: Values.parts[...]
    }
  }

  /// The last choice.
  var limit: Int { parts.reduce(-1) { $0 + $1.count } }

  /// A random choice.
  func pick(_ stream: inout RandomStream) -> Int {
    var (ticket, first) = (stream.integer(upTo: parts.reduce(-1) { $0 + $1.weight }), 0)
    for part in parts {
      if ticket < part.weight { return first + stream.integer(upTo: part.count - 1) }
      ticket -= part.weight
      first += part.count
    }
    fatalError("the weights of all parts add up to more than any ticket")
  }

  /// The number of a choice.
  func value(_ choice: Int) -> Float {
    var place = choice
    for part in parts {
      if place < part.count { return part.value(place) }
      place -= part.count
    }
    fatalError("choice \(choice) is beyond the limit of \(limit)")
  }
}

// MARK: - Integers

/// 0, 1, −1, 2, −2 … and, where one side has ended, what is left of the other.
private func alternating(_ choice: Int, below: Int, above: Int) -> Int {
  let both = min(below, above)
  if choice > 2 * both { return above > below ? choice - both : both - choice }
  return choice % 2 == 1 ? (choice + 1) / 2 : -choice / 2
}

extension RandomStream {
  /// An integer from 0 to the limit; its bias, below limit ÷ 2⁶⁴, is of no account here.
  fileprivate mutating func integer(upTo limit: Int) -> Int {
    Int(next() % (UInt64(limit) + 1))
  }

  /// True once in `count` times.
  fileprivate mutating func isOne(in count: Int) -> Bool { integer(upTo: count - 1) == 0 }

  fileprivate mutating func element(of elements: [Int]) -> Int {
    elements[integer(upTo: elements.count - 1)]
  }
}
