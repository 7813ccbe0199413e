// Owns GPUs as tokens: each is one job's at a time, among all drivers of a store. It doesn't know what they are: an id is
// what `CUDA_VISIBLE_DEVICES` takes.

import ContentStore
import Foundation
import Processes

/// A GPU that is a job's own.
struct TakenGPU {
  let id: String
  /// It holds the lock that other drivers see; -1 where there is none to be had.
  fileprivate let descriptor: Int32
}

/// The GPUs that this driver may use and no job of its has. Confined to the pool's thread.
struct GPUs {
  private var free: [String]

  init(_ ids: [String]) { free = ids }

  /// So many for a job; nil while too few are free, here or in other drivers.
  mutating func take(_ count: Int, store: String) -> [TakenGPU]? {
    var taken: [TakenGPU] = []
    for id in free where taken.count < count {
      if let gpu = GPUs.lock(id, store) { taken.append(gpu) }
    }
    guard taken.count == count else {
      for gpu in taken { close(gpu.descriptor) }
      return nil
    }
    free.removeAll { id in taken.contains { $0.id == id } }
    return taken
  }

  mutating func giveBack(_ gpus: [TakenGPU]) {
    for gpu in gpus {
      if gpu.descriptor >= 0 { close(gpu.descriptor) }
      free.append(gpu.id)
    }
  }

  /// Nil while another driver has it. Where nothing can be locked, it is used like that.
  private static func lock(_ id: String, _ store: String) -> TakenGPU? {
    let folder = store + "/running"
    try? makeDirectory(folder)
    let name = id.replacing("/", with: "_")
    let descriptor = open("\(folder)/gpu-\(name)", O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK else {
      return TakenGPU(id: id, descriptor: descriptor)
    }
    close(descriptor)
    return nil
  }
}
