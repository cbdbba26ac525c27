/// Keys and values that are computed once and asked many times.
///
///     var cache = keyValueCache(keys: y, values: y, p)
///     cache.reserve(512)                                        // optional
///     cache.append(keyValueCache(keys: next, values: next, p))
///     cache.length                                              // that of y and next together
///
/// As an array does, a cache keeps room behind its last position and doubles it when it is used up:
/// positions that are added one by one are copied twice on average, and not at all into reserved room.
public struct KeyValueCache<S: Scalar>: Sendable {
  /// The rows that `keys` has, with room behind them.
  package var keyRows: GrowingRows<S>
  /// The rows that `values` has, with room behind them.
  package var valueRows: GrowingRows<S>

  /// Creates a cache of the keys and values given, without room for more.
  public init(keys: Tensor<S>, values: Tensor<S>) {
    keyRows = GrowingRows(keys)
    valueRows = GrowingRows(values)
  }

  /// The keys of every head: … × h × m × dk.
  public var keys: Tensor<S> { keyRows.tensor }
  /// The values of every head: … × h × m × dv.
  public var values: Tensor<S> { valueRows.tensor }
  /// How many positions are held.
  public var length: Int { keyRows.length }

  /// The same keys and values in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> KeyValueCache<T> {
    KeyValueCache<T>(keys: keys.converted(), values: values.converted())
  }

  /// Makes room, so that up to `length` positions are held without another copy.
  public mutating func reserve(_ length: Int) {
    keyRows.reserve(length)
    valueRows.reserve(length)
  }

  /// Forgets all positions but the first so many; their room is kept.
  public mutating func truncate(to length: Int) {
    keyRows.truncate(to: length)
    valueRows.truncate(to: length)
  }

  /// Adds the keys and values of later positions.
  public mutating func append(_ later: KeyValueCache) {
    keyRows.append(later.keyRows)
    valueRows.append(later.valueRows)
  }
}

/// Stacks of rows that grow in place: … × capacity × width, the first `length` rows of each in use.
package struct GrowingRows<S: Scalar>: Sendable {
  /// All stacks, one after the other; what stands behind the rows in use has no meaning.
  package var storage: [S]
  /// The dimensions before the last two.
  package let leading: [Int]
  /// The number of rows in use, the same in every stack.
  package private(set) var length: Int
  /// The number of rows that there is room for.
  package private(set) var capacity: Int
  /// The width of a row.
  package let width: Int

  package init(_ rows: Tensor<S>) {
    require(rows.rank >= 2, "a cache holds … × m × width: got \(described(rows.shape))")
    (storage, leading) = (rows.storage, rows.leadingShape)
    (length, width) = (rows.shape[rows.rank - 2], rows.shape[rows.rank - 1])
    capacity = length
  }

  /// The number of stacks.
  package var stacks: Int { leading.reduce(1, *) }
  /// The shape of the rows in use: … × length × width.
  package var shape: [Int] { leading + [length, width] }

  /// The rows in use.
  package var tensor: Tensor<S> {
    var packed = self
    packed.moveStacks(capacity: length)
    return Tensor(shape: shape, storage: packed.storage)
  }

  /// Makes room for so many rows in every stack.
  package mutating func reserve(_ rows: Int) {
    if rows > capacity { moveStacks(capacity: rows) }
  }

  package mutating func truncate(to rows: Int) {
    require(
      rows >= 0 && rows <= length, "a cache of \(length) positions cannot be cut to \(rows)")
    length = rows
  }

  /// Adds rows that are still to be written to every stack.
  package mutating func extend(by count: Int) {
    if length + count > capacity { reserve(max(length + count, 2 * capacity)) }
    length += count
  }

  @specialized(where S == Float)
  @specialized(where S == Double)
  fileprivate mutating func append(_ later: GrowingRows) {
    require(
      leading == later.leading && width == later.width,
      "what is added to a cache of \(described(shape)) must differ in its length only: "
        + "got \(described(later.shape))")
    let before = length
    extend(by: later.length)
    for g in 0..<stacks {
      let (to, from) = ((g * capacity + before) * width, g * later.capacity * width)
      for i in 0..<later.length * width { storage[to + i] = later.storage[from + i] }
    }
  }

  @specialized(where S == Float)
  @specialized(where S == Double)
  private mutating func moveStacks(capacity newCapacity: Int) {
    if newCapacity == capacity { return }
    var moved: [S] = []
    moved.reserveCapacity(stacks * newCapacity * width)
    for g in 0..<stacks {
      let start = g * capacity * width
      moved += storage[start..<start + length * width]
      moved += repeatElement(0, count: (newCapacity - length) * width)
    }
    (storage, capacity) = (moved, newCapacity)
  }
}
