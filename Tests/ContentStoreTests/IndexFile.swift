// Owns reaching into a store's index behind the store's back.

import Foundation
import GRDB

extension Scratch {
  /// Runs SQL on the index of the store at `place`.
  func sql(_ text: String, on place: String = "store") throws {
    try DatabaseQueue(path: self[place + "/index.sqlite"].path).writeWithoutTransaction {
      try $0.execute(sql: text)
    }
  }

  /// The number that a query gives.
  func number(_ query: String, on place: String = "store") throws -> Int {
    try DatabaseQueue(path: self[place + "/index.sqlite"].path).read { try Int.fetchOne($0, sql: query)! }
  }
}
