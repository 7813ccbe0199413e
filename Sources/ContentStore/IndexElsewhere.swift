// Owns having a store's index elsewhere: blobs on a filesystem that many machines share, the index on the disk of the one
// where drivers run. In the store `index.sqlite` is then a link, so that whoever opens it finds it.

import Foundation

extension Store {
  /// Has the index of a store that has none lie in `folder`, under a name of its own.
  static func placeIndex(of directory: URL, in folder: String) throws {
    let place = directory.path + "/index.sqlite"
    var status = stat()
    if lstat(place, &status) == 0 {
      guard status.st_mode & S_IFMT != S_IFLNK else { return }
      throw StoreError.index(
        path: place,
        reason:
          "lies in the store, and is to lie in \(folder) (cache: { index: … }), which holds for new stores. Move "
          + "it there and leave a link to it here, or take the setting out")
    }
    let layout = Layout(directory)
    // A folder with something else in it isn't made a store.
    try check(layout)
    try makeDirectory(layout.root)
    if access(folder, F_OK) != 0 {
      try makeDirectory(folder)
      // As /tmp is: others on this machine have their own stores.
      chmod(folder, 0o1777)
    }
    let target = "\(folder)/\(OwnName().text).sqlite"
    guard target.hasPrefix("/") else {
      throw StoreError.index(path: folder, reason: "isn't an absolute path")
    }
    let file = Foundation.open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw StoreError.failed(to: "create the file", target) }
    Foundation.close(file)
    guard symlink(target, place) != 0 else { return }
    let code = errno
    unlink(target)
    // Another driver was faster.
    guard code == EEXIST else { throw StoreError.failed(to: "create the link", place, code) }
  }

  /// Refuses a link to nothing: a new index would know of none of the results.
  static func checkLink(_ layout: Layout) throws {
    guard layout.index != layout.root + "/index.sqlite", access(layout.index, F_OK) != 0 else { return }
    throw StoreError.index(
      path: layout.root + "/index.sqlite",
      reason:
        "is a link to \(layout.index), which isn't on this machine: a store's index lies where its drivers run, "
        + "and the name begins with that machine's. Run there; or, where it is lost, remove the link, and results are "
        + "computed anew")
  }
}
