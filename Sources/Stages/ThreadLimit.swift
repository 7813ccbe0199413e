// Owns where the threads that a driver grants reach the numerics of a worker.

import Tensor

/// So many threads may compute from now on. For `Bobbin.main(threads:)`.
public func limitThreads(to count: Int) { Team.limit = count }
