import Equations
import Notation

extension Function {
  static let normalization: [String: Function] = [:]
}
