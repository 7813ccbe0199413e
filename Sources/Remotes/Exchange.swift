// Owns one transfer of libcurl's: a request turned into its options, and the answer taken piece by piece.

import CCurl
import CCurlMulti
import Foundation

/// A transfer's handle, for one request after the other.
final class Exchange {
  let handle: UnsafeMutableRawPointer
  private let text: UnsafeMutablePointer<CChar>
  private var request: Request?
  private var lines: [OpaqueLines] = []
  private var headers: [String: String] = [:]
  private var headerBytes = 0
  private var body: [UInt8] = []
  private var received = 0
  private var sent = 0
  /// Whether the rest of an answer isn't wanted.
  private var isFull = false
  private var isTooLongAnswer = false
  private var cause: (any Error)?

  private typealias OpaqueLines = UnsafeMutablePointer<bobbin_lines>

  /// What is kept of an answer that isn't a success, and how much of it is read so that the connection stays.
  private static let kept = 4096
  private static let drained = 64 << 10
  private static let mostHeaderBytes = 256 << 10
  /// How much of a body is kept in memory beside others; more than that one does at a time.
  private static let small = 256 << 10

  private let room: Room

  init?(_ room: Room) {
    guard let handle = bobbin_curl_begin() else { return nil }
    self.handle = handle
    self.room = room
    text = .allocate(capacity: Int(CURL_ERROR_SIZE))
    text.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit {
    for list in lines { bobbin_lines_free(list) }
    bobbin_curl_end(handle)
    text.deallocate()
  }

  /// Whether something has come.
  private(set) var isAnswered = false

  /// Gets ready; nil: it may be added to the others.
  func begin(_ request: Request, _ settings: Client.Settings) -> Failure? {
    self.request = request
    bobbin_curl_reset(handle)
    text[0] = 0
    setAddress(request, settings)
    setPatience(request, settings)
    setAuthorisation(request.authorisation)
    setMethod(request)
    setCallbacks(request)
    var headers = request.headers.map { $0.value.isEmpty ? "\($0.name):" : "\($0.name): \($0.value)" }
    // An answer to POST is never waited for: what is posted is small.
    if request.method == .post { headers.append("Expect:") }
    if !headers.isEmpty, !setLines(CURLOPT_HTTPHEADER, headers) { return outOfMemory }
    for option in request.options {
      let code =
        switch option {
        case .number(let option, let value): bobbin_curl_number(handle, option, value)
        case .text(let option, let value): bobbin_curl_text(handle, option, value)
        case .list(let option, let values): setLines(option, values) ? CURLE_OK : CURLE_OUT_OF_MEMORY
        }
      guard code == CURLE_OK else {
        return Failure(sort: .refused, code: code, reason: "this libcurl can't do that: \(words(for: code))")
      }
    }
    return nil
  }

  /// Forgets the request, once it is no longer among the others.
  func end() {
    bobbin_curl_reset(handle)
    for list in lines { bobbin_lines_free(list) }
    room.give(self)
    (lines, request, headers, headerBytes, body) = ([], nil, [:], 0, [])
    (received, sent, isFull, isTooLongAnswer, isAnswered, cause) = (0, 0, false, false, false, nil)
  }

  private var outOfMemory: Failure {
    Failure(sort: .own, code: CURLE_OUT_OF_MEMORY, reason: "no memory for a request")
  }

  private func setAddress(_ request: Request, _ settings: Client.Settings) {
    set(CURLOPT_URL, request.url)
    set(CURLOPT_USERAGENT, "bobbin")
    set(CURLOPT_PROTOCOLS_STR, settings.protocols)
    // Names of ours hold no "..", and those of others aren't to be changed.
    set(CURLOPT_PATH_AS_IS, 1)
    set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    if request.followsRedirects, request.body == nil {
      // Who asked for an address that can't be tampered with isn't sent to one that can. libcurl leaves credentials out
      // where a redirect leads to another host, port or scheme.
      set(CURLOPT_REDIR_PROTOCOLS_STR, request.url.lowercased().hasPrefix("https:") ? "https" : "http,https")
      set(CURLOPT_FOLLOWLOCATION, 1)
      set(CURLOPT_MAXREDIRS, 5)
    }
    if let file = settings.certificates { set(CURLOPT_CAINFO, file) }
    bobbin_curl_pointer(handle, CURLOPT_ERRORBUFFER, text)
  }

  private func setPatience(_ request: Request, _ settings: Client.Settings) {
    set(CURLOPT_NOSIGNAL, 1)
    // A name server that doesn't answer isn't waited for afterwards either.
    set(CURLOPT_QUICK_EXIT, 1)
    set(CURLOPT_CONNECTTIMEOUT_MS, Int(settings.connecting * 1000))
    set(CURLOPT_LOW_SPEED_LIMIT, 100)
    // Whoever got much may be busy with it for a while, before the answer.
    let sending = request.body?.size ?? 0
    set(CURLOPT_LOW_SPEED_TIME, settings.stall + sending / (50 << 20))
    let seconds = 60 + max(request.limit, sending) / settings.slowest
    set(CURLOPT_TIMEOUT_MS, min(seconds, Int(Int32.max) / 1000) * 1000)
    set(CURLOPT_BUFFERSIZE, request.sink != nil && request.limit > 1 << 20 ? 256 << 10 : 16 << 10)
  }

  private func setAuthorisation(_ authorisation: Authorisation) {
    switch authorisation {
    case .none: break
    case .basic(let user, let password):
      set(CURLOPT_HTTPAUTH, 1 << 0)  // CURLAUTH_BASIC, at once instead of after a refusal
      set(CURLOPT_USERNAME, user)
      set(CURLOPT_PASSWORD, password)
    case .bearer(let token):
      set(CURLOPT_HTTPAUTH, 1 << 6)  // CURLAUTH_BEARER
      set(CURLOPT_XOAUTH2_BEARER, token)
    }
  }

  private func setMethod(_ request: Request) {
    switch request.method {
    case .get: set(CURLOPT_HTTPGET, 1)
    case .head: set(CURLOPT_NOBODY, 1)
    case .delete: set(CURLOPT_CUSTOMREQUEST, "DELETE")
    case .put, .post:
      if request.method == .post {
        set(CURLOPT_POST, 1)
        bobbin_curl_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body?.size ?? 0))
      } else {
        set(CURLOPT_UPLOAD, 1)
        bobbin_curl_offset(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(request.body?.size ?? 0))
      }
      if request.body?.size ?? 0 > 1 << 20 { set(CURLOPT_UPLOAD_BUFFERSIZE, 256 << 10) }
    }
  }

  private func setCallbacks(_ request: Request) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    bobbin_curl_pointer(handle, CURLOPT_WRITEDATA, context)
    bobbin_curl_pointer(handle, CURLOPT_HEADERDATA, context)
    bobbin_curl_on_bytes(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
      let exchange = Unmanaged<Exchange>.fromOpaque(context!).takeUnretainedValue()
      return exchange.take(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }
    bobbin_curl_on_bytes(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
      let exchange = Unmanaged<Exchange>.fromOpaque(context!).takeUnretainedValue()
      return exchange.header(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
    }
    guard request.body != nil || request.method == .put || request.method == .post else { return }
    bobbin_curl_pointer(handle, CURLOPT_READDATA, context)
    bobbin_curl_pointer(handle, CURLOPT_SEEKDATA, context)
    bobbin_curl_on_bytes(handle, CURLOPT_READFUNCTION) { bytes, size, count, context in
      Unmanaged<Exchange>.fromOpaque(context!).takeUnretainedValue()
        .give(UnsafeMutableRawBufferPointer(start: bytes, count: size * count))
    }
    bobbin_curl_on_seek(handle) { context, offset, origin in
      Unmanaged<Exchange>.fromOpaque(context!).takeUnretainedValue().rewind(to: Int(offset), origin)
    }
  }

  private func header(_ bytes: UnsafeRawBufferPointer) -> Bool {
    isAnswered = true
    headerBytes += bytes.count
    guard headerBytes <= Exchange.mostHeaderBytes else {
      isTooLongAnswer = true
      return false
    }
    let line = String(decoding: bytes, as: UTF8.self)
    // Another answer begins: after a redirect, or after "100 Continue".
    if line.hasPrefix("HTTP/") { headers = [:] }
    guard let colon = line.firstIndex(of: ":") else { return true }
    let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespacesAndNewlines)
    headers[line[..<colon].lowercased()] = value
    return true
  }

  /// How many bytes were taken: all of them, or the transfer ends here or pauses.
  private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
    isAnswered = true
    guard let request else { return 0 }
    let status = bobbin_curl_status(handle)
    guard 200..<300 ~= status || !request.url.lowercased().hasPrefix("http") else {
      body.append(contentsOf: bytes.prefix(Exchange.kept - body.count))
      received += bytes.count
      isFull = received > Exchange.drained
      return isFull ? 0 : bytes.count
    }
    let wanted = UnsafeRawBufferPointer(rebasing: bytes.prefix(request.limit + 1 - received))
    if let sink = request.sink {
      do { try sink(wanted) } catch {
        cause = error
        return 0
      }
    } else {
      if received + wanted.count > Exchange.small {
        // The same bytes come once more when there is room.
        guard room.isTaken(by: self) else { return Int(CURL_WRITEFUNC_PAUSE) }
        body.reserveCapacity(request.limit + 1)
      }
      body.append(contentsOf: wanted)
    }
    received += wanted.count
    isFull = received > request.limit
    return isFull ? 0 : bytes.count
  }

  private func give(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard let body = request?.body else { return 0 }
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(body.size - sent))
    if room.isEmpty { return 0 }
    do {
      let n: Int
      if let bytes = body.bytes {
        n = room.count
        bytes.withUnsafeBytes { room.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[sent..<sent + n])) }
      } else {
        n = try body.source(room)
      }
      guard n > 0 else { throw Shortage(size: body.size, found: sent) }
      sent += n
      return n
    } catch {
      cause = error
      return Int(CURL_READFUNC_ABORT)
    }
  }

  private func rewind(to offset: Int, _ origin: Int32) -> Int32 {
    guard origin == SEEK_SET, let body = request?.body else { return CURL_SEEKFUNC_FAIL }
    if offset == sent { return CURL_SEEKFUNC_OK }
    guard body.bytes != nil, 0...body.size ~= offset else { return CURL_SEEKFUNC_FAIL }
    sent = offset
    return CURL_SEEKFUNC_OK
  }

  /// What came of it.
  func outcome(_ code: CURLcode) -> Result<Answer, Failure> {
    if let cause {
      return .failure(Failure(sort: .own, code: code, reason: "\(cause)", cause: cause))
    }
    if isTooLongAnswer {
      return .failure(Failure(sort: .refused, code: code, reason: "its answer has too many headers"))
    }
    guard code == CURLE_OK || isFull else { return .failure(failure(code)) }
    let status = bobbin_curl_status(handle)
    let length = Int(bobbin_curl_length(handle))
    return .success(
      Answer(
        status: status, headers: headers, body: body,
        received: status == 0 || 200..<300 ~= status ? received : 0, size: length < 0 ? nil : length))
  }

  private func failure(_ code: CURLcode) -> Failure {
    let words = words(for: code)
    func sort(_ sort: Failure.Sort, _ reason: String) -> Failure {
      Failure(sort: sort, code: code, reason: reason)
    }
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST: return sort(.away, "there is no such host, or no network")
    case CURLE_COULDNT_RESOLVE_PROXY: return sort(.away, "there is no such proxy (http_proxy, https_proxy)")
    case CURLE_COULDNT_CONNECT: return sort(.away, "nobody answers there")
    case CURLE_OPERATION_TIMEDOUT where !isAnswered && sent == 0 && isConnecting(words):
      return sort(.away, "nobody answers there")
    // Trying again would take as long.
    case CURLE_OPERATION_TIMEDOUT where !isAnswered:
      return sort(.away, "it takes connections, and doesn't answer")
    case CURLE_OPERATION_TIMEDOUT: return sort(.passing, "hardly anything came for a long time")
    case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_SEND_FAIL_REWIND,
      CURLE_WEIRD_SERVER_REPLY:
      return sort(.passing, "cut off: \(words)")
    // Cut off in the middle, or something else than TLS is spoken there.
    case CURLE_SSL_CONNECT_ERROR:
      return words.contains("SYSCALL") ? sort(.passing, "cut off: \(words)") : sort(.refused, words)
    case CURLE_PEER_FAILED_VERIFICATION: return sort(.refused, "its certificate isn't believed: \(words)")
    case CURLE_SSL_CACERT_BADFILE: return sort(.refused, "the file of certificates can't be read: \(words)")
    case CURLE_TOO_MANY_REDIRECTS: return sort(.refused, "it redirects again and again")
    case CURLE_UNSUPPORTED_PROTOCOL where headers["location"] != nil:
      return sort(.refused, "it redirects to an address that isn't encrypted, or of another protocol")
    default: return sort(.refused, words)
    }
  }

  /// libcurl has one code for whatever takes too long.
  private func isConnecting(_ words: String) -> Bool {
    let words = words.lowercased()
    return words.contains("connect") || words.contains("resolv")
  }

  private func words(for code: CURLcode) -> String {
    let said = String(cString: text)
    return said.isEmpty ? String(cString: bobbin_curl_text_of(code)) : said
  }

  private func set(_ option: CURLoption, _ value: String) { bobbin_curl_text(handle, option, value) }
  private func set(_ option: CURLoption, _ value: Int) { bobbin_curl_number(handle, option, value) }

  private func setLines(_ option: CURLoption, _ values: [String]) -> Bool {
    var list: OpaqueLines?
    for value in values {
      guard let longer = bobbin_lines_with(list, value) else {
        bobbin_lines_free(list)
        return false
      }
      list = longer
    }
    guard let list else { return true }
    lines.append(list)
    return bobbin_curl_pointer(handle, option, list) == CURLE_OK
  }
}

/// Room in memory for one large body at a time.
final class Room {
  private var holder: ObjectIdentifier?
  private var waiting: [Exchange] = []

  /// Whether this one has it now; if not, it is gone on with once it has.
  func isTaken(by exchange: Exchange) -> Bool {
    if holder == nil { holder = ObjectIdentifier(exchange) }
    if holder == ObjectIdentifier(exchange) { return true }
    if !waiting.contains(where: { $0 === exchange }) { waiting.append(exchange) }
    return false
  }

  /// This one needs it no more.
  func give(_ exchange: Exchange) {
    waiting.removeAll { $0 === exchange }
    guard holder == ObjectIdentifier(exchange) else { return }
    holder = waiting.first.map { ObjectIdentifier($0) }
    guard !waiting.isEmpty else { return }
    bobbin_curl_continue(waiting.removeFirst().handle)
  }
}

/// A source that ended before its size.
struct Shortage: Error, CustomStringConvertible {
  let size: Int
  let found: Int
  var description: String { "\(found) bytes instead of \(size)" }
}
