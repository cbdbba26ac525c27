import Equations
import Notation

extension Function {
  static let wordVectors: [String: Function] = [:]
}
