import Equations
import Notation

extension Function {
  static let recurrent: [String: Function] = [:]
}
