// Owns what is asked of a server and what comes of it, as values; how it travels is `Client`'s.

import CCurl
import ContentStore

/// One request. Its closures are called on the thread that calls `Client.send`, and one at a time.
package struct Request {
  package enum Method: String {
    case get = "GET"
    case head = "HEAD"
    case put = "PUT"
    case post = "POST"
    case delete = "DELETE"
  }

  var method: Method
  /// With everything escaped that needs it, and without user and password.
  package var url: String
  /// Such as `("Content-Type", "application/octet-stream")`; an empty value takes out one that libcurl would write.
  package var headers: [(name: String, value: String)] = []
  var authorisation = Authorisation.none
  /// What is sent with PUT, POST, or to a file server.
  var body: Body?
  /// At most so many bytes of an answer's body are taken, and one more.
  var limit = 1 << 20
  /// Takes the body of a 2xx answer piece by piece; nil: `Answer.body` has it. Other bodies never come here.
  var sink: ByteSink?
  /// Whether it goes where the server says that it should. Never from https to http, never to another host with
  /// credentials, and only for what has no body.
  package var followsRedirects = true
  /// Options of libcurl beyond these, set last: `.list(CURLOPT_QUOTE, […])`, `.text(CURLOPT_AWS_SIGV4, …)`.
  var options: [Option] = []

  init(_ method: Method, _ url: String) { (self.method, self.url) = (method, url) }

  struct Body {
    var size: Int
    var source: ByteSource
    /// All of it, where it is in memory already: then it can be sent again.
    var bytes: [UInt8]?

    init(size: Int, from source: @escaping ByteSource) { (self.size, self.source) = (size, source) }

    init(_ bytes: [UInt8]) {
      (size, self.bytes) = (bytes.count, bytes)
      source = { _ in preconditionFailure("BUG: bytes in memory aren't read from a source") }
    }
  }

  enum Option {
    case number(CURLoption, Int)
    case text(CURLoption, String)
    case list(CURLoption, [String])
  }
}

/// Who asks.
package enum Authorisation: Equatable, Sendable {
  case none
  case basic(user: String, password: String)
  case bearer(String)
}

/// What a server answered, whatever its status.
package struct Answer: Sendable {
  /// 0 from a file server.
  package var status: Int
  /// Of the last answer, names in small letters; of several with one name, the last.
  var headers: [String: String]
  /// The body, at most `limit` bytes and one more: of a 2xx answer when there is no sink, of any other its beginning
  /// (4 KiB).
  package var body: [UInt8]
  /// How many bytes of a 2xx answer's body, or of a file server's file, were taken.
  var received: Int
  /// How many bytes the body has, or would have after HEAD; nil: unknown.
  var size: Int?

  var isSuccess: Bool { 200..<300 ~= status }
}

/// Why there is no answer.
struct Failure: Error {
  enum Sort: Equatable {
    /// Nobody is there: no such host, no connection.
    case away
    /// Cut off, reset or stalled; may do better another time.
    case passing
    /// It would fail again: a certificate, a key, a redirect that isn't taken, a refusal of a file server's.
    case refused
    /// The sink or the source threw, or what was asked can't be sent; see `cause`.
    case own
  }

  var sort: Sort
  var code: CURLcode
  /// For people, without place and without secrets.
  var reason: String
  /// What the sink or the source threw.
  var cause: (any Error)?
}
