/// A dense array of any rank, stored row by row: the last index moves fastest.
///
///     let x: Tensor<Double> = [[1, 2, 3], [4, 5, 6]]
///     x.shape       // [2, 3]
///     x[1, 2]       // 6.0
///     x.slice(0)    // [1, 2, 3]
///
/// Nothing is ever broadcast, truncated or reinterpreted: an operation whose shapes do not fit stops
/// with a sentence that names them.
@frozen public struct Tensor<Element> {
  /// The extent of each dimension, slowest first; `[]` is a single element.
  public let shape: [Int]
  /// The elements in row-major order.
  public var storage: [Element]

  /// Creates a tensor from its elements in row-major order.
  @inlinable public init(shape: [Int], storage: [Element]) {
    require(shape.allSatisfy { $0 >= 0 }, "no extent may be negative: got \(shape)")
    require(
      shape.reduce(1, *) == storage.count,
      "a tensor of shape \(shape) has \(shape.reduce(1, *)) elements: got \(storage.count)")
    self.shape = shape
    self.storage = storage
  }

  /// Creates a tensor with the same element everywhere.
  @inlinable public init(shape: [Int], repeating element: Element) {
    require(shape.allSatisfy { $0 >= 0 }, "no extent may be negative: got \(shape)")
    self.shape = shape
    self.storage = Array(repeating: element, count: shape.reduce(1, *))
  }

  /// The number of dimensions.
  @inlinable public var rank: Int { shape.count }
  /// The number of elements.
  @inlinable public var count: Int { storage.count }

  /// The same elements in the same order under another shape.
  @inlinable public func reshaped(_ newShape: [Int]) -> Tensor {
    Tensor(shape: newShape, storage: storage)
  }

  /// The sub-tensor at `index` of the first dimension.
  @inlinable public func slice(_ index: Int) -> Tensor {
    require(rank > 0, "a single element has no slices")
    require(index >= 0 && index < shape[0], "slice \(index) is outside of shape \(shape)")
    let size = count / shape[0]
    return Tensor(
      shape: Array(shape.dropFirst()), storage: Array(storage[index * size..<(index + 1) * size]))
  }

  /// The tensor of `transform(element)`.
  @inlinable public func map<Other>(_ transform: (Element) throws -> Other) rethrows -> Tensor<
    Other
  > {
    Tensor<Other>(shape: shape, storage: try storage.map(transform))
  }
}

extension Tensor: Sendable where Element: Sendable {}
extension Tensor: Equatable where Element: Equatable {}
extension Tensor: Hashable where Element: Hashable {}

// MARK: - Elements

extension Tensor {
  /// The element of a vector at `i`.
  @inlinable public subscript(i: Int) -> Element {
    get { storage[offset(i)] }
    set { storage[offset(i)] = newValue }
  }

  /// The element of a matrix in row `i` and column `j`.
  @inlinable public subscript(i: Int, j: Int) -> Element {
    get { storage[offset(i, j)] }
    set { storage[offset(i, j)] = newValue }
  }

  /// The element of a stack of matrices, in matrix `g`, row `i` and column `j`.
  @inlinable public subscript(g: Int, i: Int, j: Int) -> Element {
    get { storage[offset(g, i, j)] }
    set { storage[offset(g, i, j)] = newValue }
  }

  @inlinable @inline(__always) func offset(_ i: Int) -> Int {
    require(rank == 1 && isIndex(i, 0), "element [\(i)] is outside of shape \(shape)")
    return i
  }

  @inlinable @inline(__always) func offset(_ i: Int, _ j: Int) -> Int {
    require(
      rank == 2 && isIndex(i, 0) && isIndex(j, 1),
      "element [\(i), \(j)] is outside of shape \(shape)")
    return i &* shape[1] &+ j
  }

  @inlinable @inline(__always) func offset(_ g: Int, _ i: Int, _ j: Int) -> Int {
    require(
      rank == 3 && isIndex(g, 0) && isIndex(i, 1) && isIndex(j, 2),
      "element [\(g), \(i), \(j)] is outside of shape \(shape)")
    return (g &* shape[1] &+ i) &* shape[2] &+ j
  }

  /// Whether an index lies within a dimension; one comparison, since a negative one becomes huge.
  @inlinable @inline(__always) func isIndex(_ i: Int, _ dimension: Int) -> Bool {
    UInt(bitPattern: i) < UInt(bitPattern: shape[dimension])
  }
}

// MARK: - Stacks of matrices

extension Tensor {
  /// The dimensions before the last two: batch, heads, or none.
  @inlinable public var leadingShape: [Int] { Array(shape.dropLast(2)) }

  /// The same elements as a stack of matrices, leading dimensions joined into one: g × rows × columns.
  @inlinable public var matrices: Tensor {
    require(rank >= 2, "a stack of matrices needs two dimensions: got \(shape)")
    return reshaped([leadingShape.reduce(1, *)] + shape.suffix(2))
  }

  /// The same elements as one matrix, all dimensions before the last joined into one: rows × columns.
  @inlinable public var rows: Tensor {
    require(rank >= 1, "a matrix of rows needs a dimension: got a single element")
    return reshaped([shape.dropLast().reduce(1, *), shape[rank - 1]])
  }

  /// Rows and columns of every matrix exchanged: … × n × m becomes … × m × n.
  @inlinable public var transposed: Tensor {
    let (x, n, m) = (matrices, shape[rank - 2], shape[rank - 1])
    var elements: [Element] = []
    elements.reserveCapacity(count)
    for g in 0..<x.shape[0] {
      for j in 0..<m {
        for i in 0..<n { elements.append(x[g, i, j]) }
      }
    }
    return Tensor(shape: leadingShape + [m, n], storage: elements)
  }
}

// MARK: - Literals

extension Tensor: ExpressibleByArrayLiteral {
  /// Creates a tensor from nested literals: `[[1, 2], [3, 4]]` is a 2 × 2 matrix.
  @inlinable public init(arrayLiteral slices: Tensor...) {
    let inner = slices.first?.shape ?? []
    require(
      slices.allSatisfy { $0.shape == inner },
      "the rows of a literal must have one shape: got \(slices.map(\.shape))")
    self.init(shape: [slices.count] + inner, storage: slices.flatMap(\.storage))
  }
}

extension Tensor: ExpressibleByIntegerLiteral where Element: ExpressibleByIntegerLiteral {
  /// Creates a single element.
  @inlinable public init(integerLiteral value: Element.IntegerLiteralType) {
    self.init(shape: [], storage: [Element(integerLiteral: value)])
  }
}

extension Tensor: ExpressibleByFloatLiteral where Element: ExpressibleByFloatLiteral {
  /// Creates a single element.
  @inlinable public init(floatLiteral value: Element.FloatLiteralType) {
    self.init(shape: [], storage: [Element(floatLiteral: value)])
  }
}

extension Tensor: ExpressibleByBooleanLiteral where Element: ExpressibleByBooleanLiteral {
  /// Creates a single element.
  @inlinable public init(booleanLiteral value: Element.BooleanLiteralType) {
    self.init(shape: [], storage: [Element(booleanLiteral: value)])
  }
}

// MARK: - Conversion and broadcasting, each asked for by name

extension Tensor where Element: Scalar {
  /// The same numbers in another type, rounded to nearest.
  @inlinable public func converted<T: Scalar>(to type: T.Type = T.self) -> Tensor<T> {
    Tensor<T>(shape: shape, storage: storage.map { T($0.double) })
  }
}

// MARK: - Sums

/// Stops unless the terms of a sum have one shape: all modules refuse others with this sentence.
@inlinable public func checkTerms(_ a: [Int], _ b: [Int]) {
  require(a == b, "the terms of a sum must have one shape: got \(a) and \(b)")
}

extension Tensor where Element: Scalar {
  /// The sum, element by element, of two tensors of one shape.
  @inlinable public static func + (a: Tensor, b: Tensor) -> Tensor {
    checkTerms(a.shape, b.shape)
    return Tensor(shape: a.shape, storage: zip(a.storage, b.storage).map { $0 + $1 })
  }
}

extension Tensor {
  /// The elements repeated along every dimension of extent 1 until the shape is `target`.
  @inlinable public func broadcast(to target: [Int]) -> Tensor {
    require(
      rank == target.count && zip(shape, target).allSatisfy { $0 == $1 || $0 == 1 },
      "\(shape) cannot be broadcast to \(target): an extent must be equal or 1")
    let strides = broadcastStrides
    var elements: [Element] = []
    elements.reserveCapacity(target.reduce(1, *))
    func append(dimension: Int, offset: Int) {
      if dimension == rank { return elements.append(storage[offset]) }
      for index in 0..<target[dimension] {
        append(dimension: dimension + 1, offset: offset + index * strides[dimension])
      }
    }
    append(dimension: 0, offset: 0)
    return Tensor(shape: target, storage: elements)
  }

  /// How far apart neighbours are in storage, along each dimension; 0 along one of extent 1.
  @inlinable public var broadcastStrides: [Int] {
    var (strides, stride) = (shape, 1)
    for dimension in shape.indices.reversed() {
      strides[dimension] = shape[dimension] == 1 ? 0 : stride
      stride *= shape[dimension]
    }
    return strides
  }
}
