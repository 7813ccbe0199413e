// Owns columns of a graph: which of a few values each row has, in as little room as that takes.

/// For each row a small number, such as the place of its value among those that are kept.
struct Positions: Sendable {
  private enum Form {
    /// Every row has 0.
    case zeros
    /// Each row has its own number.
    case own
    case listed
  }

  private(set) var count = 0
  private var form = Form.zeros
  private var list: [UInt32] = []

  /// - Parameter zeros: how many rows there are already, all with 0.
  init(zeros: Int = 0) { count = zeros }

  mutating func append(_ number: Int) {
    if form == .zeros, count == 1, number == 1 { form = .own }
    switch form {
    case .zeros where number == 0: break
    case .own where number == count: break
    case .zeros, .own:
      list = (0..<count).map { UInt32(self[$0]) }
      form = .listed
      list.append(UInt32(number))
    case .listed: list.append(UInt32(number))
    }
    count += 1
  }

  subscript(row: Int) -> Int {
    switch form {
    case .zeros: 0
    case .own: row
    case .listed: Int(list[row])
    }
  }
}

/// A value for each row; rows that share one have it once.
struct Column<Value: Sendable>: Sendable {
  private(set) var values: [Value] = []
  private(set) var positions = Positions()
  /// Where the value of each number is.
  private var byNumber: [Int: Int] = [:]

  /// - Parameters:
  ///   - number: rows with the same number have the same value; nil where nobody knows.
  ///   - isSame: whether a row has the value of the one before.
  mutating func append(_ value: Value, number: Int?, isSame: (Value, Value) -> Bool) {
    if let number, let known = byNumber[number] { return positions.append(known) }
    let isLast = positions.count > 0 && positions[positions.count - 1] == values.count - 1
    if !isLast || !isSame(values[values.count - 1], value) { values.append(value) }
    if let number { byNumber[number] = values.count - 1 }
    positions.append(values.count - 1)
  }

  subscript(row: Int) -> Value { values[positions[row]] }

  /// No more rows follow.
  mutating func close() { byNumber = [:] }
}
