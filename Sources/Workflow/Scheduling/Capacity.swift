// Owns room on the machine: what is free of it, and that nobody waits for it for ever.

/// The tokens of an executor that are not taken.
struct Tokens {
  private(set) var free: Resources
  /// Those of the driver's machine, where others run elsewhere.
  private var freeHere: Resources?

  init(_ capacity: Resources, here: Resources? = nil) { (free, freeHere) = (capacity, here) }

  func fits(_ needs: Resources) -> Bool {
    let free = needs.isHere ? freeHere ?? free : free
    return needs.cpus <= free.cpus && needs.gpus <= free.gpus && needs.room <= free.memory ?? .max
  }

  mutating func take(_ needs: Resources) { add(needs, -1) }
  mutating func giveBack(_ needs: Resources) { add(needs, 1) }

  private mutating func add(_ needs: Resources, _ sign: Int) {
    if needs.isHere, freeHere != nil { freeHere!.add(needs, sign) } else { free.add(needs, sign) }
  }
}

/// Bundles whose inputs are at hand, waiting for room. What doesn't fit lets others pass, but only so often: then
/// everybody waits until it fits, which it does at the latest when nothing runs.
struct WaitingRoom {
  private(set) var bundles: [(bundle: Bundle, passed: Int)] = []

  /// How often a bundle that doesn't fit lets others pass.
  static let patience = 8

  mutating func insert(_ bundle: Bundle) {
    let place = bundles.firstIndex { bundle.turn < $0.bundle.turn } ?? bundles.endIndex
    bundles.insert((bundle, 0), at: place)
  }

  /// Takes out the next that may start.
  mutating func next(where fits: (Resources) -> Bool) -> Bundle? {
    // What waits for this machine and what waits for others aren't in each other's way.
    let tired = Set(
      bundles.filter { $0.passed >= WaitingRoom.patience && !fits($0.bundle.resources) }
        .map(\.bundle.resources.isHere))
    guard
      let n = bundles.firstIndex(where: {
        fits($0.bundle.resources) && !tired.contains($0.bundle.resources.isHere)
      })
    else { return nil }
    let next = bundles[n].bundle
    for other in bundles.indices
    where bundles[other].bundle.resources.isHere == next.resources.isHere
      && !fits(bundles[other].bundle.resources)
    { bundles[other].passed += 1 }
    bundles.remove(at: n)
    return next
  }
}

extension Resources {
  fileprivate mutating func add(_ needs: Resources, _ sign: Int) {
    cpus += sign * needs.cpus
    gpus += sign * needs.gpus
    if let memory { self.memory = memory + sign * needs.room }
  }

  /// Bytes of memory that are to be free.
  var room: Int { memory ?? expectedMemory ?? 0 }

  /// What of these can never be had from `capacity`; nil when all can.
  func lacking(in capacity: Resources) -> String? {
    if cpus > capacity.cpus { return "\(cpus) cpus, but there are \(capacity.cpus)" }
    if gpus > capacity.gpus { return "\(gpus) gpus, but there are \(capacity.gpus)" }
    if let memory, let most = capacity.memory, memory > most {
      return "\(Resources.spelled(memory)) of memory, but there are \(Resources.spelled(most))"
    }
    return nil
  }

  /// A size as `memory:` takes it: `2G`.
  package static func spelled(_ bytes: Int) -> String {
    let units = ["B", "K", "M", "G", "T"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    let tenths = (value * 10).rounded() / 10
    return (tenths == tenths.rounded() ? "\(Int(tenths))" : "\(tenths)") + units[unit]
  }
}
