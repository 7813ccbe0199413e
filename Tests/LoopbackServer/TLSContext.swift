// Owns proving to be 127.0.0.1 with a certificate that nobody has heard of: OpenSSL's few functions for that, loaded
// when a test needs them, and its program that makes the certificate.

import Foundation

public final class TLSContext: @unchecked Sendable {
  /// The certificate's file (PEM), which is its own authority's.
  public let certificate: URL
  private let folder: URL
  private let library: Library
  private let context: OpaquePointer

  /// nil where there is no OpenSSL.
  public init?() {
    // A connection that the other side has closed is an error of the write.
    signal(SIGPIPE, SIG_IGN)
    guard let library = Library() else { return nil }
    self.library = library
    folder = FileManager.default.temporaryDirectory.appending(path: "bobbin-tls-\(UUID().uuidString)")
    certificate = folder.appending(path: "certificate.pem")
    let key = folder.appending(path: "key.pem")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let program = Process()
    program.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    program.arguments = [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
      "-subj",
      "/CN=a test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key.path, "-out", certificate.path,
    ]
    program.standardError = FileHandle.nullDevice
    guard (try? program.run()) != nil else {
      try? FileManager.default.removeItem(at: folder)
      return nil
    }
    program.waitUntilExit()
    // SSL_FILETYPE_PEM
    guard let context = library.newContext(library.method()),
      library.useCertificate(context, certificate.path, 1) == 1,
      library.useKey(context, key.path, 1) == 1
    else {
      try? FileManager.default.removeItem(at: folder)
      return nil
    }
    self.context = context
  }

  deinit {
    library.freeContext(context)
    try? FileManager.default.removeItem(at: folder)
  }

  /// One connection's; nil where the other side doesn't go along.
  func session(_ descriptor: Int32) -> Session? { Session(library, context, descriptor) }

  final class Session {
    private let library: Library
    private let session: OpaquePointer

    fileprivate init?(_ library: Library, _ context: OpaquePointer, _ descriptor: Int32) {
      guard let session = library.new(context) else { return nil }
      guard library.setDescriptor(session, descriptor) == 1, library.accept(session) == 1 else {
        library.free(session)
        return nil
      }
      (self.library, self.session) = (library, session)
    }

    deinit { library.free(session) }

    func read(_ buffer: inout [UInt8]) -> Int {
      buffer.withUnsafeMutableBytes { Int(library.read(session, $0.baseAddress!, Int32($0.count))) }
    }
    func write(_ bytes: UnsafeRawBufferPointer) -> Int {
      Int(library.write(session, bytes.baseAddress!, Int32(bytes.count)))
    }
  }

  fileprivate struct Library {
    let method: @convention(c) () -> OpaquePointer?
    let newContext: @convention(c) (OpaquePointer?) -> OpaquePointer?
    let freeContext: @convention(c) (OpaquePointer) -> Void
    let useCertificate: @convention(c) (OpaquePointer, UnsafePointer<CChar>, Int32) -> Int32
    let useKey: @convention(c) (OpaquePointer, UnsafePointer<CChar>, Int32) -> Int32
    let new: @convention(c) (OpaquePointer) -> OpaquePointer?
    let free: @convention(c) (OpaquePointer) -> Void
    let setDescriptor: @convention(c) (OpaquePointer, Int32) -> Int32
    let accept: @convention(c) (OpaquePointer) -> Int32
    let read: @convention(c) (OpaquePointer, UnsafeMutableRawPointer, Int32) -> Int32
    let write: @convention(c) (OpaquePointer, UnsafeRawPointer, Int32) -> Int32

    init?() {
      guard let handle = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL) else { return nil }
      func symbol<T>(_ name: String) -> T { unsafeBitCast(dlsym(handle, name)!, to: T.self) }
      method = symbol("TLS_server_method")
      newContext = symbol("SSL_CTX_new")
      freeContext = symbol("SSL_CTX_free")
      useCertificate = symbol("SSL_CTX_use_certificate_file")
      useKey = symbol("SSL_CTX_use_PrivateKey_file")
      new = symbol("SSL_new")
      free = symbol("SSL_free")
      setDescriptor = symbol("SSL_set_fd")
      accept = symbol("SSL_accept")
      read = symbol("SSL_read")
      write = symbol("SSL_write")
    }
  }
}
