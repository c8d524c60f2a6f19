// Files, directories, locks and kernel settings.

import Glibc
import LinuxSystem
import Testing

@Suite struct FileTests {
    @Test func `reading tells apart why it failed`() throws {
        try withDirectory { path in
            #expect(throws: TextFileError.notFound(path: "\(path)/none")) { try TextFile.read("\(path)/none") }
            #expect(throws: TextFileError.isDirectory(path: path)) { try TextFile.read(path) }
            try TextFile.replace("\(path)/text", with: "grüß")
            #expect(try TextFile.read("\(path)/text", limit: 6) == "grüß")
            #expect(throws: TextFileError.tooLarge(path: "\(path)/text", limit: 5)) {
                try TextFile.read("\(path)/text", limit: 5)
            }
            let bad = open("\(path)/bad", O_CREAT | O_WRONLY, 0o600)
            #expect(write(bad, [UInt8](arrayLiteral: 0x61, 0xff), 2) == 2)
            close(bad)
            #expect(throws: TextFileError.notUTF8(path: "\(path)/bad")) { try TextFile.read("\(path)/bad") }
            #expect(try TextFile.readBytes("\(path)/bad") == [0x61, 0xff])
            #expect(mkfifo("\(path)/pipe", 0o600) == 0)
            #expect(throws: TextFileError.notAFile(path: "\(path)/pipe")) { try TextFile.read("\(path)/pipe") }
        }
    }

    @Test func `replacing keeps the mode, follows a link and leaves nothing behind`() throws {
        try withDirectory { path in
            try TextFile.replace("\(path)/file", with: "one", mode: 0o600)
            #expect(chmod("\(path)/file", 0o640) == 0)
            #expect(symlink("file", "\(path)/link") == 0)
            try TextFile.replace("\(path)/link", with: "two")
            #expect(try TextFile.read("\(path)/file") == "two")
            var status = stat()
            #expect(lstat("\(path)/link", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
            #expect(stat("\(path)/file", &status) == 0 && status.st_mode & 0o7777 == 0o640)
            #expect(try Directory.list(path) == ["file", "link"])
        }
    }

    @Test func `replacing where nothing can be written names the place`() {
        let error = #expect(throws: SyscallError.self) { try TextFile.replace("/proc/none/file", with: "") }
        #expect(error?.object.hasPrefix("/proc/none/") == true)
    }

    @Test func `directories are made with their parents and may exist`() throws {
        try withDirectory { path in
            try Directory.create("\(path)/a/b/c")
            try Directory.create("\(path)/a/b/c")
            try TextFile.replace("\(path)/a/file", with: "")
            #expect(try Directory.list("\(path)/a") == ["b", "file"])
            let error = #expect(throws: SyscallError.self) { try Directory.create("\(path)/a/file/c") }
            #expect(error?.code == ENOTDIR)
            #expect(try Directory.removeFile("\(path)/a/file"))
            #expect(try !Directory.removeFile("\(path)/a/file"))
        }
    }

    @Test func `a lock is had once, and the refusal names the holder`() throws {
        try withDirectory { path in
            let lock = try FileLock.acquire(path: "\(path)/lock")
            #expect(throws: FileLockError.held(path: "\(path)/lock", by: getpid())) {
                _ = try FileLock.acquire(path: "\(path)/lock", waitMilliseconds: 30)
            }
            #expect(lock.path == "\(path)/lock")
        }
    }

    @Test func `a directory is locked without a trace, and free again afterwards`() throws {
        try withDirectory { path in
            do {
                let lock = try DirectoryLock.acquire(path: path, waitMilliseconds: 0)
                #expect(throws: FileLockError.held(path: path, by: nil)) {
                    _ = try DirectoryLock.acquire(path: path, waitMilliseconds: 30)
                }
                _ = consume lock
            }
            #expect(throws: Never.self) { _ = try DirectoryLock.acquire(path: path, waitMilliseconds: 0) }
            #expect(try Directory.list(path) == [])
            try TextFile.replace("\(path)/file", with: "")
            #expect(throws: FileLockError.self) {
                _ = try DirectoryLock.acquire(path: "\(path)/file", waitMilliseconds: 0)
            }
        }
    }

    @Test func `a waiting process gets the lock once it is free`() throws {
        try withDirectory { path in
            let started = try EventFD()
            let number = started.descriptor.rawValue
            let lock = try FileLock.acquire(path: "\(path)/lock")
            let waiter = try SystemThread.start(name: "waiter") {
                var one: UInt64 = 1
                write(number, &one, 8)
                #expect(throws: Never.self) {
                    _ = try FileLock.acquire(path: "\(path)/lock", waitMilliseconds: 60_000)
                }
            }
            #expect(try started.descriptor.waitReadable(timeoutMilliseconds: 60_000))
            _ = consume lock
            waiter.join()
        }
    }

    @Test func `a lock dies with its holder`() throws {
        try withDirectory { path in
            do { _ = try FileLock.acquire(path: "\(path)/lock") }
            _ = try FileLock.acquire(path: "\(path)/lock")
        }
    }

    @Test func `settings are read without the line end, and names stay below the tree`() throws {
        #expect(try Sysctl.read("kernel/ostype") == "Linux")
        for name in ["../version", "net//ipv4", "", "/kernel/ostype"] {
            #expect(throws: SyscallError.self) { try Sysctl.read(name) }
        }
        let error = #expect(throws: SyscallError.self) { try Sysctl.read("net/ipv4/no_such_setting") }
        #expect(error?.code == ENOENT)
    }

    @Test func `the host is known`() {
        #expect(!Host.hostName.isEmpty)
        #expect(Host.kernelRelease.contains("."))
        #expect(Host.processorCount >= 1)
    }
}
