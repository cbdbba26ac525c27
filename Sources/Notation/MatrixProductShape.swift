/// The extents of a matrix product or an affine map, checked: both modules refuse wrong shapes with
/// these sentences.
public struct MatrixProductShape: Hashable, Sendable {
  /// The dimensions before the last two of a and b; none for an affine map.
  public let leading: [Int]
  /// The number of rows of a.
  public let n: Int
  /// The inner dimension.
  public let k: Int
  /// The number of columns of the result.
  public let m: Int
  /// The shape of the result.
  public let output: [Int]

  /// The number of products that the leading dimensions hold.
  public var groups: Int { leading.reduce(1, *) }

  /// Reads the extents off a: … × n × k and b: … × k × m, and stops unless they fit each other.
  public init<S: Scalar>(_ a: Tensor<S>, _ b: Tensor<S>) {
    require(a.rank >= 2, "a must be … × n × k: got \(described(a.shape))")
    leading = a.leadingShape
    (n, k) = (a.shape[a.rank - 2], a.shape[a.rank - 1])
    require(
      b.rank == a.rank && b.leadingShape == leading && b.shape[b.rank - 2] == k,
      "b must be \(described(leading + [k])) × m: got \(described(b.shape)), "
        + "a is \(described(a.shape))")
    m = b.shape[b.rank - 1]
    output = leading + [n, m]
  }

  /// Reads the extents off x: … × inputs and an affine map, and stops unless they fit each other.
  public init<S: Scalar>(_ x: Tensor<S>, through map: AffineMap<S>) {
    self.init(x.shape, through: map)
  }

  /// Reads the extents off the shape of x and an affine map, and stops unless they fit each other.
  public init<S: Scalar>(_ x: [Int], through map: AffineMap<S>) {
    require(
      x.last == map.inputs,
      "x must be … × \(map.inputs): got \(described(x)), "
        + "the weight is \(described(map.weight.shape))")
    leading = []
    n = x.dropLast().reduce(1, *)
    (k, m) = (map.inputs, map.outputs)
    output = x.dropLast() + [m]
  }
}
