// Owns where values lie that several measures or pairs share. A value is computed in one way only, so that whether it
// lay there decides nothing but time.

/// Computed values by what they are of and what they are called, as far as there is room: those that were used longest
/// ago go first. Confined to one thread.
public final class Shelf {
  /// What representations are told apart by.
  typealias Owner = Int

  private struct Key: Hashable {
    let owners: [Owner]
    let name: String
  }

  private struct Entry {
    let value: Any
    let bytes: Int
    var used: Int
  }

  private let room: Int
  private var entries: [Key: Entry] = [:]
  private var bytes = 0
  private var uses = 0
  private var owners = 0

  /// - Parameter room: in bytes. A value that is larger is computed whenever it is asked for.
  public init(room: Int = 1 << 30) { self.room = room }

  func newOwner() -> Owner {
    owners += 1
    return owners
  }

  /// The value of this name, computed if it isn't there.
  /// - Parameter doubles: how large it is.
  func value<T>(
    _ name: String, of owners: [Owner], doubles: Int, _ make: () throws -> T
  ) rethrows -> T {
    let key = Key(owners: owners, name: name)
    uses += 1
    if let value = entries[key]?.value as? T {
      entries[key]!.used = uses
      return value
    }
    let value = try make()
    let size = 8 * doubles + 64
    guard size <= room else { return value }
    while bytes + size > room, let oldest = entries.min(by: { $0.value.used < $1.value.used }) {
      remove(oldest.key)
    }
    uses += 1
    entries[key] = Entry(value: value, bytes: size, used: uses)
    bytes += size
    return value
  }

  /// Forgets all that is of a representation.
  func forget(_ owner: Owner) {
    for key in entries.keys where key.owners.contains(owner) { remove(key) }
  }

  private func remove(_ key: Key) { bytes -= entries.removeValue(forKey: key)?.bytes ?? 0 }
}
