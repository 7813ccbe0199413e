// Owns the states of a member in a worker: the one it is given to go on from, and the way of those that it saves into
// the store and to the driver.

import ContentStore
import Foundation
import Workflow

/// Stores a member's states and tells of them. They may come from any thread, one at a time.
final class MemberStates: @unchecked Sendable {
  private let lock = NSLock()
  private let writer: BlobWriter
  private let tell: @Sendable (WorkState, [WrittenBlob]) -> Void
  private let note: @Sendable (String) -> Void

  /// The most files that a state may have: each is told of in one message.
  private static let mostFiles = 4096

  /// - Parameter note: takes lines for the log.
  init(
    _ writer: BlobWriter, tell: @escaping @Sendable (WorkState, [WrittenBlob]) -> Void,
    note: @escaping @Sendable (String) -> Void
  ) {
    self.writer = writer
    self.tell = tell
    self.note = note
  }

  /// Stores a file or folder as a state. What goes wrong is said in the log: the work can do without.
  func keep(_ url: URL, upTo point: Int, at place: String) -> Bool {
    lock.withLock {
      do {
        let (artifact, blobs) = try writer.ingest(url)
        guard blobs.count <= MemberStates.mostFiles else {
          note(
            "its state after \(place) was not saved: \(blobs.count) files are too many. Put them into an archive"
          )
          return false
        }
        tell(WorkState(point: point, place: place, artifact: artifact), blobs)
        return true
      } catch {
        note("its state after \(place) was not saved: \(error)")
        return false
      }
    }
  }

  /// What a member goes on from, if its bytes are still there: another driver may have dropped them since.
  static func given(_ member: JobMember, _ files: InputFiles) -> (state: WorkState, content: InputArtifact)? {
    guard let state = member.state else { return nil }
    let content = InputArtifact(artifact: state.artifact, files: files)
    return isThere(content) ? (state, content) : nil
  }

  private static func isThere(_ artifact: InputArtifact) -> Bool {
    guard access(artifact.url.path, R_OK) == 0 else { return false }
    guard artifact.artifact.form == .manifest else { return true }
    return (try? artifact.entries)?.values.allSatisfy(isThere) ?? false
  }
}
