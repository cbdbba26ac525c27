import Equations
import Notation

/// The tokens that may be chosen after every prefix of a translation, each of its sentences.
///
///     { j : l_j + e_j ≥ max_i (l_i − e_i) }
///
/// l are the logits and e their bound. Where there is one token only, every implementation chooses it,
/// one token after the other or all at once, with a cache or without.
///
/// - Parameters:
///   - source: b × s.
///   - target: b × t.
///   - p: The parameters.
///   - arithmetic: Whose choice it is.
/// - Returns: For every sentence and position the tokens that may be the likeliest.
public func likeliestTokens(
  source: Tensor<Int>, target: Tensor<Int>, _ p: Transformer<Double>,
  in arithmetic: Arithmetic = .kernel
) -> [[Set<Int>]] {
  let logits = transformer(source: source, target: target, p)
  let bounds = transformerBounds(source: source, target: target, p, in: arithmetic).logits
  return (0..<target.shape[0]).map { b in
    (0..<target.shape[1]).map { i in
      let (l, e) = (logits.slice(b).slice(i).storage, bounds.slice(b).slice(i).storage)
      let least = zip(l, e).map { $0 - $1 }.max()!
      return Set(l.indices.filter { l[$0] + e[$0] >= least })
    }
  }
}
