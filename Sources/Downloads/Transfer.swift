// Owns one attempt at a download with libcurl: from the byte where the file ends, until the answer ends or fails.

import CCurl
import Foundation

/// One attempt.
final class Transfer {
  enum Outcome {
    /// The server's answer has come to its end.
    case whole
    /// It answered another range than the one that was asked for, or has none from there on.
    case unresumable
    /// It failed, and would fail again.
    case refused(String)
    /// It failed, and may do better.
    case interrupted(String)
  }

  private let download: Download
  private let partial: PartialFile
  private let progress: (_ received: Int, _ total: Int?) -> Void
  private let handle: UnsafeMutableRawPointer?
  /// Where this attempt began.
  private let start: Int
  private var total: Int?
  private var isFirst = true
  private var isUnresumable = false
  private var rangeStart: Int?
  /// Where a redirect leads.
  private var location: String?
  private var failure: (any Error)?

  init(_ download: Download, into partial: PartialFile, progress: @escaping (Int, Int?) -> Void) {
    self.download = download
    self.partial = partial
    self.progress = progress
    start = partial.size
    handle = Transfer.problem == nil ? bobbin_curl_begin() : nil
  }

  deinit { handle.map { bobbin_curl_end($0) } }

  /// Why there are no transfers; nil where libcurl could be loaded.
  private static let problem: String? = bobbin_curl_load().map { String(cString: $0) }
  private static let mostRedirects = 10

  func run() -> Outcome {
    guard let handle else {
      return .refused("libcurl can't be used: \(Transfer.problem ?? "it has no memory")")
    }
    let isSecure = download.url.lowercased().hasPrefix("https:")
    text(CURLOPT_URL, download.url)
    text(CURLOPT_USERAGENT, "bobbin")
    text(CURLOPT_PROTOCOLS_STR, "https,http")
    // Who asked for an address that can't be tampered with isn't sent to one that can.
    text(CURLOPT_REDIR_PROTOCOLS_STR, isSecure ? "https" : "https,http")
    number(CURLOPT_FOLLOWLOCATION, 1)
    number(CURLOPT_MAXREDIRS, Transfer.mostRedirects)
    number(CURLOPT_FAILONERROR, 1)
    number(CURLOPT_NOSIGNAL, 1)
    number(CURLOPT_CONNECTTIMEOUT, min(30, download.stall))
    number(CURLOPT_LOW_SPEED_LIMIT, 1)
    number(CURLOPT_LOW_SPEED_TIME, download.stall)
    number(CURLOPT_NOPROGRESS, 0)
    bobbin_curl_offset(handle, CURLOPT_RESUME_FROM_LARGE, curl_off_t(start))
    let context = Unmanaged.passUnretained(self).toOpaque()
    bobbin_curl_pointer(handle, CURLOPT_WRITEDATA, context)
    bobbin_curl_pointer(handle, CURLOPT_HEADERDATA, context)
    bobbin_curl_pointer(handle, CURLOPT_XFERINFODATA, context)
    bobbin_curl_on_bytes(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
      let transfer = Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
      return transfer.take(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
    }
    bobbin_curl_on_bytes(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
      Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
        .header(UnsafeRawBufferPointer(start: bytes, count: size * count))
      return size * count
    }
    bobbin_curl_on_progress(handle) { context, total, received, _, _ in
      let transfer = Unmanaged<Transfer>.fromOpaque(context!).takeUnretainedValue()
      if total > 0, !transfer.isFirst { transfer.total = transfer.answered + Int(total) }
      if received > 0 { transfer.progress(transfer.partial.size, transfer.total) }
      return 0
    }
    return outcome(bobbin_curl_perform(handle))
  }

  /// Where the answer began: where the attempt did, or at 0 where the server has no ranges.
  private var answered = 0

  private func text(_ option: CURLoption, _ value: String) { bobbin_curl_text(handle!, option, value) }
  private func number(_ option: CURLoption, _ value: Int) { bobbin_curl_number(handle!, option, value) }

  private func header(_ bytes: UnsafeRawBufferPointer) {
    let text = String(decoding: bytes, as: UTF8.self)
    let line = text.lowercased()
    if line.hasPrefix("location:") {
      location = text.dropFirst("location:".count).trimmingCharacters(in: .whitespacesAndNewlines)
    }
    if line.hasPrefix("http/") { rangeStart = nil }
    guard line.hasPrefix("content-range:") else { return }
    rangeStart =
      line.split(separator: " ").dropFirst().compactMap { word in
        word.split(separator: "-").first.flatMap { Int($0) }
      }.first
  }

  private func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    do {
      if isFirst {
        isFirst = false
        answered = start
        if start > 0, bobbin_curl_status(handle!) == 200 {
          try partial.empty()
          answered = 0
        } else if start > 0, rangeStart != start {
          isUnresumable = true
          return false
        }
      }
      try partial.append(bytes)
      return true
    } catch {
      failure = error
      return false
    }
  }

  private func outcome(_ code: CURLcode) -> Outcome {
    if isUnresumable { return .unresumable }
    if let failure { return .refused((failure as? POSIXError)?.localizedDescription ?? "\(failure)") }
    let status = bobbin_curl_status(handle!)
    switch code {
    case CURLE_OK: return .whole
    case CURLE_HTTP_RETURNED_ERROR:
      // Nothing after the last byte: perhaps it is all there.
      if status == 416 { return start > 0 ? .whole : .refused("the server answers 416") }
      let problem = "the server answers \(status)\(Transfer.words[status].map { " (\($0))" } ?? "")"
      return status >= 500 || status == 408 || status == 429 ? .interrupted(problem) : .refused(problem)
    case CURLE_RANGE_ERROR: return .unresumable
    case CURLE_TOO_MANY_REDIRECTS:
      return .refused("redirected more than \(Transfer.mostRedirects) times")
    case CURLE_UNSUPPORTED_PROTOCOL:
      return .refused(
        "redirected to \(location ?? "another protocol"), which isn't taken; on https:// only https:// may follow, on "
          + "http:// either")
    case CURLE_COULDNT_RESOLVE_HOST:
      return .interrupted("there is no host '\(URL(string: download.url)?.host ?? "")', or no network")
    case CURLE_COULDNT_CONNECT: return .interrupted("nobody answers there")
    case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR:
      return .interrupted("cut off after \(partial.size)\(total.map { " of \($0)" } ?? "") bytes")
    case CURLE_OPERATION_TIMEDOUT:
      return .interrupted("nothing arrived for \(download.stall) seconds, after \(partial.size) bytes")
    case CURLE_PEER_FAILED_VERIFICATION:
      return .refused("its certificate isn't valid: \(String(cString: bobbin_curl_text_of(code)))")
    default: return .interrupted(String(cString: bobbin_curl_text_of(code)))
    }
  }

  private static let words: [Int: String] = [
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 410: "Gone",
    429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout",
  ]
}
