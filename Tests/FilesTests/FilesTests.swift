import Foundation
import Testing

@testable import Files

@Suite struct FilesTests {
  let folder = FileManager.default.temporaryDirectory.appending(path: "files-\(UUID().uuidString)").path

  /// Runs `body` in a folder of its own and removes it.
  func inFolder(_ body: () throws -> Void) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body()
  }

  @Test("folders are made with those they stand in; a file in the way is named")
  func folders() throws {
    try inFolder {
      for _ in 0..<2 { try Folder.create("\(folder)/a/b//c/") }
      try Folder.createParent(of: "\(folder)/d/file")
      #expect(
        try FileManager.default.subpathsOfDirectory(atPath: folder).sorted() == ["a", "a/b", "a/b/c", "d"])
      try Data().write(to: URL(filePath: "\(folder)/file"))
      for place in ["file", "file/below"] {
        let failure = #expect(throws: FileFailure.self) { try Folder.create("\(folder)/\(place)") }
        #expect(failure?.path == "\(folder)/file" && failure?.reason.contains("found a file") == true)
      }
    }
  }

  @Test("an atomic file appears whole at commit, with its checksum")
  func commit() throws {
    try inFolder {
      let file = try AtomicFile("\(folder)/a")
      try file.write("1234")
      try file.write([UInt8](repeating: 0x35, count: 5).enumerated().map { $0.element + UInt8($0.offset) })
      #expect(!FileManager.default.fileExists(atPath: file.path))
      try file.synchronize()
      #expect(!FileManager.default.fileExists(atPath: file.path))
      try file.commit()
      #expect(try String(contentsOfFile: file.path, encoding: .utf8) == "123456789")
      #expect(file.count == 9)
      #expect(file.checksum.hexadecimal == "cbf43926", "the check value of CRC-32")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
    }
  }

  @Test("a dropped atomic file leaves the old one as it was")
  func dropped() throws {
    try inFolder {
      try "old".write(toFile: "\(folder)/a", atomically: false, encoding: .utf8)
      do { try AtomicFile("\(folder)/a").write("new") }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
      #expect(try String(contentsOfFile: "\(folder)/a", encoding: .utf8) == "old")
    }
  }

  @Test("more than the buffer is written in order")
  func large() throws {
    try inFolder {
      let file = try AtomicFile("\(folder)/a")
      let block = (0..<300_000).map { UInt32($0) }
      for _ in 0..<3 { try file.write(block) }
      try file.write([UInt16(7)])
      try file.commit()
      let map = try MappedFile(file.path)
      #expect(map.count == 3_600_002)
      #expect(map.load(UInt32.self, at: 1_200_000 + 4 * 299_999) == 299_999)
      #expect(map.load(UInt16.self, at: 3_600_000) == 7)
      #expect(Checksum(of: map.bytes) == file.checksum)
    }
  }

  @Test("a map reads unaligned little-endian integers, and an empty file")
  func map() throws {
    try inFolder {
      try Data([9, 1, 2, 3, 4, 0xFF]).write(to: URL(filePath: "\(folder)/a"))
      let map = try MappedFile("\(folder)/a")
      #expect(map.load(UInt32.self, at: 1) == 0x0403_0201)
      #expect(map.load(Int8.self, at: 5) == -1)
      try Data().write(to: URL(filePath: "\(folder)/empty"))
      #expect(try MappedFile("\(folder)/empty").count == 0)
    }
  }

  @Test("what cannot be opened is named")
  func failures() throws {
    try inFolder {
      let missing = #expect(throws: FileFailure.self) { try MappedFile("\(folder)/none") }
      #expect(missing?.description.contains("no such file") == true)
      let directory = #expect(throws: FileFailure.self) { try MappedFile(folder) }
      #expect(directory?.description.contains("expected a regular file") == true)
      #expect(throws: FileFailure.self) { try AtomicFile("\(folder)/no/where") }
    }
  }

  @Test("a full disk is said so")
  func fullDisk() {
    #expect(FileFailure.current("f", doing: "write", code: ENOSPC).reason.contains("disk is full"))
  }

  @Test("an atomic folder appears whole at commit; dropped, it leaves nothing; something is not written over")
  func atomicFolder() throws {
    try inFolder {
      let path = "\(folder)/below/a"
      do { try AtomicFile("\(try AtomicFolder(path).partial)/b").write("x") } catch {}
      #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/below") == [])
      // What a killed process left.
      try Folder.create("\(folder)/below/.a.partial/old")
      let made = try AtomicFolder(path + "/")
      let file = try AtomicFile("\(made.partial)/b")
      try file.write("x")
      try file.commit()
      #expect(!FileManager.default.fileExists(atPath: path))
      try made.commit()
      #expect(
        try FileManager.default.subpathsOfDirectory(atPath: "\(folder)/below").sorted() == ["a", "a/b"])
      for taken in [path, "\(path)/b", ".", "..", "/"] {
        #expect(throws: FileFailure.self) { try AtomicFolder(taken) }
      }
      try Folder.create("\(folder)/empty")
      try AtomicFolder("\(folder)/empty").commit()
      #expect(throws: FileFailure.self) { try AtomicFolder("\(path)/b/c") }
    }
  }

  @Test("an atomic folder is one writer's; links are neither followed nor in the way")
  func atomicFolderAlone() throws {
    try inFolder {
      let path = "\(folder)/a", files = FileManager.default
      do {
        let first = try AtomicFolder(path)
        try AtomicFile("\(first.partial)/b").commit()
        // A lock is its descriptor's, so a second of this process stands for another process.
        let failure = #expect(throws: FileFailure.self) { try AtomicFolder(path) }
        #expect(failure?.reason.contains("is being written by another process") == true)
        #expect(try files.contentsOfDirectory(atPath: first.partial) == ["b"])
        try first.commit()
      }
      #expect(try files.contentsOfDirectory(atPath: folder) == ["a"])
      try Folder.create("\(folder)/empty")
      for target in ["empty", "nowhere"] {
        let link = "\(folder)/link-\(target)"
        try files.createSymbolicLink(atPath: link, withDestinationPath: "\(folder)/\(target)")
        let failure = #expect(throws: FileFailure.self) { try AtomicFolder(link + "/") }
        #expect(failure?.reason.contains("is a symbolic link") == true)
        try files.removeItem(atPath: link)
        // In the place of what is written: removed, and not what it leads to.
        try files.createSymbolicLink(
          atPath: "\(folder)/.c.partial", withDestinationPath: "\(folder)/\(target)")
        try AtomicFolder("\(folder)/c").commit()
        #expect(try files.contentsOfDirectory(atPath: folder).sorted() == ["a", "c", "empty"])
        try files.removeItem(atPath: "\(folder)/c")
      }
    }
  }

  @Test("pages that were let go come in again, and a checksum is the same with them")
  func release() throws {
    try inFolder {
      let bytes = (0..<3 << 20).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
      try Data(bytes).write(to: URL(filePath: "\(folder)/a"))
      let map = try MappedFile("\(folder)/a")
      #expect(map.contents == bytes)
      for range in [0..<bytes.count, 5..<6, 4095..<4097, 0..<0, bytes.count - 1..<bytes.count] {
        map.release(range)
        #expect(map.contents == bytes)
      }
      #expect(map.checksum == bytes.withUnsafeBytes { Checksum(of: $0) })
    }
  }
}
