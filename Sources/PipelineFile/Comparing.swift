// Owns when a condition in `where` holds: what equals what, and what has an order.

import Workflow

extension Evaluator {
  /// Whether a comparison, as it stands in `where`, holds.
  func holds(_ expression: Expression, at place: Place, in point: Point) throws -> Bool {
    guard let (operation, terms) = expression.comparison else {
      throw DecodingIssue(place, "expected a comparison such as ${matrix.a != matrix.b}")
    }
    let left = side(try find(expression.path, at: place, in: point))
    let right = try terms.flatMap { try sides($0, at: place, in: point, isList: operation == .isIn) }
    switch operation {
    case .isIn: return right.contains { left.operand == $0.operand }
    case .equal: return left.operand == right[0].operand
    case .notEqual: return !(left.operand == right[0].operand)
    case .less, .lessOrEqual, .greater, .greaterOrEqual:
      guard let order = order(left, right[0]) else {
        throw DecodingIssue(
          place,
          "'\(left.operand.texts[0])' \(operation.rawValue) '\(right[0].operand.texts[0])': these have no order. "
            + "Numbers have one, instances of one stage, and members of one axis or of axes that list the same: "
            + "list them in their order under 'params' and let both axes be that list")
      }
      switch operation {
      case .less: return order < 0
      case .lessOrEqual: return order <= 0
      case .greater: return order > 0
      default: return order >= 0
      }
    }
  }

  private struct Side {
    var operand: Operand
    var seat: Seat?
  }

  private func side(_ found: Found) -> Side { Side(operand: operand(found), seat: found.seat) }

  /// What a term stands for: itself, or of `in` the members of the list that it is.
  private func sides(_ term: Term, at place: Place, in point: Point, isList: Bool) throws -> [Side] {
    guard case .path(let path) = term else {
      return [Side(operand: try operand(term, at: place, in: point))]
    }
    let found = try find(path, at: place, in: point)
    guard isList, case .list(let values, _) = found.value else { return [side(found)] }
    return values.map { side(Found(value: $0)) }
  }

  /// Below 0 where `left` comes before `right`, 0 where they are the same, nil where neither comes first.
  private func order(_ left: Side, _ right: Side) -> Int? {
    if let (a, b) = seats(left, right), !a.axis.isNumeric { return a.member - b.member }
    if let x = left.operand.number, let y = right.operand.number { return x < y ? -1 : x > y ? 1 : 0 }
    if let x = left.operand.instances, let y = right.operand.instances, x.stage == y.stage,
      x.members.count == 1, y.members.count == 1
    {
      return x.members.first! - y.members.first!
    }
    return nil
  }

  /// Where both sides are on one axis, or on axes with the same members. A word is where the other side's axis has it.
  private func seats(_ left: Side, _ right: Side) -> (Seat, Seat)? {
    switch (left.seat, right.seat) {
    case (let a?, let b?): return a.axis.hasMembers(of: b.axis) ? (a, b) : nil
    case (let a?, nil):
      return right.operand.texts.lazy.compactMap(a.axis.member).first.map {
        (a, Seat(axis: a.axis, member: $0))
      }
    case (nil, let b?):
      return left.operand.texts.lazy.compactMap(b.axis.member).first.map {
        (Seat(axis: b.axis, member: $0), b)
      }
    case (nil, nil): return nil
    }
  }
}
