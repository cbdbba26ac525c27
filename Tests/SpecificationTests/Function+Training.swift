import Equations
import Notation

extension Function {
  static let training: [String: Function] = bleu
}
