import Notation

/// A map moved up and to the left, what leaves it coming in again at the other side.
///
///     y_rc = x_((r + s) mod H),((c + s) mod W)        … × H × W × C
///
/// - Parameters:
///   - x: … × H × W × C.
///   - s: How many rows and columns everything moves; a negative one moves it down and to the right.
/// - Returns: … × H × W × C. The shift by −s undoes it.
///
/// SWIN-3. Liu et al. 2021, figure 4. SPEC.md, Swin Transformer.
@specialized(where S == Float)
@specialized(where S == Double)
public func cyclicShift<S: Scalar>(_ x: Tensor<S>, by s: Int) -> Tensor<S> {
  let (leading, height, width, channels) = mapShape(x.shape)
  let x3 = x.reshaped([leading.reduce(1, *) * height, width, channels])
  func source(_ index: Int, of extent: Int) -> Int {
    let moved = (index + s % extent) % extent
    return moved < 0 ? moved + extent : moved
  }
  var y = x3
  for r in 0..<x3.shape[0] {
    let row = r / height * height + source(r % height, of: height)
    for c in 0..<width {
      for k in 0..<channels { y[r, c, k] = x3[row, source(c, of: width), k] }
    }
  }
  return y.reshaped(x.shape)
}

/// A map cut into windows that do not overlap.
///
///     y_(i·W/M + j),(a·M + b),k = x_(i·M + a),(j·M + b),k        … × N × M² × C, N = H W / M²
///
/// - Parameters:
///   - x: … × H × W × C.
///   - m: M, how many positions a window is high and wide; it divides H and W.
///
/// SWIN-1. Liu et al. 2021, section 3.2. SPEC.md, Swin Transformer.
@specialized(where S == Float)
@specialized(where S == Double)
public func windows<S: Scalar>(_ x: Tensor<S>, size m: Int) -> Tensor<S> {
  let (leading, height, width, channels) = mapShape(x.shape)
  let y = patches(x, size: m)
  return y.reshaped(leading + [height / m * (width / m), m * m, channels])
}

/// The map whose windows these are: the inverse of `windows`.
///
/// - Parameters:
///   - y: … × N × M² × C.
///   - m: M.
///   - height: H.
///   - width: W.
/// - Returns: … × H × W × C.
@specialized(where S == Float)
@specialized(where S == Double)
public func joinedWindows<S: Scalar>(
  _ y: Tensor<S>, size m: Int, height: Int, width: Int
) -> Tensor<S> {
  requireWindows(y, of: m, making: (height, width))
  let (leading, channels) = (y.shape.dropLast(3), y.shape[y.rank - 1])
  let y3 = y.reshaped([leading.reduce(1, *), height * width, channels])
  var x = y3
  for g in 0..<y3.shape[0] {
    for r in 0..<height {
      for c in 0..<width {
        let window = r / m * (width / m) + c / m
        let place = window * m * m + r % m * m + c % m
        for k in 0..<channels { x[g, r * width + c, k] = y3[g, place, k] }
      }
    }
  }
  return x.reshaped(leading + [height, width, channels])
}

/// Which row of a bias table belongs to a query i and a key j of a window.
///
///     index_ij = (r_i − r_j + M − 1) (2M − 1) + (c_i − c_j + M − 1)        M² × M²
///
/// - Parameter m: M; position i of a window stands in its row r_i = ⌊i / M⌋ and column c_i = i mod M.
///
/// SWIN-1. Liu et al. 2021, section 3.2. SPEC.md, Swin Transformer.
public func relativePositionIndex(window m: Int) -> Tensor<Int> {
  require(m >= 1, "a window needs a position: got \(m) × \(m)")
  let positions = 0..<m * m
  return Tensor(
    shape: [m * m, m * m],
    storage: positions.flatMap { i in
      positions.map { j in
        (i / m - j / m + m - 1) * (2 * m - 1) + i % m - j % m + m - 1
      }
    })
}

/// What every head adds to the scores inside a window.
///
///     B_hij = table_(index_ij),h        h × M² × M²
@specialized(where S == Float)
@specialized(where S == Double)
public func relativePositionBias<S: Scalar>(_ p: WindowAttention<S>) -> Tensor<S> {
  let index = relativePositionIndex(window: p.windowSize)
  return Tensor(
    shape: [p.attention.heads] + index.shape,
    storage: (0..<p.attention.heads).flatMap { head in
      index.storage.map { p.biasTable[$0, head] }
    })
}

/// Which positions of a window were neighbours before a cyclic shift brought them together.
///
///     keep_nij = (r_i < H − s) = (r_j < H − s) ∧ (c_i < W − s) = (c_j < W − s)        N × M² × M²
///
/// - Parameters:
///   - height: H.
///   - width: W.
///   - m: M; position i of window n stands in row r_i and column c_i of the shifted map.
///   - s: By how much the map was shifted: its last s rows and columns came in from the other side.
///
/// SWIN-3. Liu et al. 2021, figure 4. SPEC.md, Swin Transformer.
public func shiftedWindowMask(height: Int, width: Int, window m: Int, shift s: Int) -> Tensor<Bool>
{
  requireShift(s, of: m)
  let regions = (0..<height).flatMap { r in
    (0..<width).map { c -> Double in (r < height - s ? 0 : 2) + (c < width - s ? 0 : 1) }
  }
  let inside = windows(Tensor(shape: [height, width, 1], storage: regions), size: m)
  return Tensor(
    shape: [inside.shape[0], m * m, m * m],
    storage: (0..<inside.shape[0]).flatMap { n in
      let region = inside.slice(n).storage
      return region.flatMap { query in region.map { $0 == query } }
    })
}

// MARK: - Cost

/// How many multiplications global attention on a map takes, those of softmax and scale left out.
///
///     Ω(MSA) = 4 h w C² + 2 (h w)² C
///
/// - Parameters:
///   - height: h.
///   - width: w.
///   - channels: C, the width of inputs, of all heads together, and of outputs.
///
/// SWIN-5. Liu et al. 2021, equation 1. SPEC.md, Swin Transformer.
public func attentionCost(height: Int, width: Int, channels: Int) -> Int {
  let positions = height * width
  return 4 * positions * channels * channels + 2 * positions * positions * channels
}

/// How many multiplications attention inside windows takes, those of softmax and scale left out.
///
///     Ω(W-MSA) = 4 h w C² + 2 M² h w C
///
/// - Parameters:
///   - height: h.
///   - width: w.
///   - channels: C, the width of inputs, of all heads together, and of outputs.
///   - m: M, how many positions a window is high and wide.
///
/// SWIN-5. Liu et al. 2021, equation 2. SPEC.md, Swin Transformer.
public func windowAttentionCost(height: Int, width: Int, channels: Int, window m: Int) -> Int {
  let positions = height * width
  return 4 * positions * channels * channels + 2 * m * m * positions * channels
}
