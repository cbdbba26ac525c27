/// How a model's tensors are called in a file.
///
/// |                        | pyTorch                   | document000     | document002         |
/// |------------------------|---------------------------|-----------------|---------------------|
/// | attention              | in_proj_weight, _bias (1) | q_linear.…      | w_q.…               |
/// |                        |                           | k_linear.…      | w_k.…               |
/// |                        |                           | v_linear.…      | w_v.…               |
/// |                        | out_proj.…                | out.…           | w_concat.…          |
/// | normalisation          | weight, bias              | weight, bias    | gamma, beta         |
/// | encoder layer          | self_attn.…               | attn.…          | attention.…         |
/// |                        | linear1.…, linear2.…      | ff.linear_1.…   | ffn.linear1.…       |
/// |                        | norm1.…, norm2.…          | norm_1.…        | norm1.…             |
/// | decoder layer          | self_attn.…               | attn_1.…        | self_attention.…    |
/// |                        | multihead_attn.…          | attn_2.…        | enc_dec_attention.… |
/// |                        | norm1.… to norm3.…        | norm_1.…        | norm1.…             |
/// | layers, final norm     | layers.0.…, norm.…        | layers.0.… (2)  | layers.0.…          |
/// | embedding, logits      | (3)                       | (2)             | emb.tok_emb.weight, |
/// |                        |                           |                 | linear.…            |
///
/// “.…” stands for `.weight` and `.bias`. (1) All three maps in one, in the order query, key, value;
/// with unequal widths `q_proj_weight`, `k_proj_weight`, `v_proj_weight`, and one bias still. (2) The
/// document has no such class; stacks are named as PyTorch names them. (3) `nn.Transformer` has none.
///
/// Sources: PyTorch 2.13, `torch.nn`; document 000, last block; document 002, its classes, and where
/// it has none the code that it took them from.
public enum ParameterNaming: Hashable, Sendable, CaseIterable {
  /// `nn.MultiheadAttention`, `nn.TransformerEncoderLayer` and so on.
  case pyTorch
  /// The classes of document 000's last block.
  case document000
  /// The classes of document 002.
  case document002

  /// The names of the maps to queries, keys and values, and of the output map.
  var attentionMaps: (query: String, key: String, value: String, output: String) {
    switch self {
    case .pyTorch: ("q_proj", "k_proj", "v_proj", "out_proj")
    case .document000: ("q_linear", "k_linear", "v_linear", "out")
    case .document002: ("w_q", "w_k", "w_v", "w_concat")
    }
  }

  /// The names of a normalisation's gain and bias.
  var normParameters: (gain: String, bias: String) {
    self == .document002 ? ("gamma", "beta") : ("weight", "bias")
  }

  /// The names of the feed-forward network's two maps within a layer.
  var feedForwardMaps: (inner: String, outer: String) {
    switch self {
    case .pyTorch: ("linear1", "linear2")
    case .document000: ("ff.linear_1", "ff.linear_2")
    case .document002: ("ffn.linear1", "ffn.linear2")
    }
  }

  /// The name of an encoder layer's attention.
  var encoderAttention: String {
    switch self {
    case .pyTorch: "self_attn"
    case .document000: "attn"
    case .document002: "attention"
    }
  }

  /// The names of a decoder layer's two attentions.
  var decoderAttentions: (own: String, cross: String) {
    switch self {
    case .pyTorch: ("self_attn", "multihead_attn")
    case .document000: ("attn_1", "attn_2")
    case .document002: ("self_attention", "enc_dec_attention")
    }
  }

  /// The name of a layer's normalisation, counted from 1.
  func norm(_ number: Int) -> String { self == .document000 ? "norm_\(number)" : "norm\(number)" }
}
