// Owns ranks of numbers.

/// Ranks from 1; equal numbers share their mean rank.
package func averageRanks(_ numbers: [Double]) -> [Double] {
  // Places as short as they may be: of many thousands of samples there are many millions of distances.
  let order = numbers.enumerated().map { (number: $1, at: Int32($0)) }.sorted { $0.number < $1.number }
  var ranks = [Double](repeating: 0, count: numbers.count)
  var first = 0
  while first < order.count {
    var end = first + 1
    while end < order.count, order[end].number == order[first].number { end += 1 }
    for entry in order[first..<end] { ranks[Int(entry.at)] = Double(first + end + 1) / 2 }
    first = end
  }
  return ranks
}
