import Equations
import Notation

extension Function {
  static let embedding: [String: Function] = [:]
}
