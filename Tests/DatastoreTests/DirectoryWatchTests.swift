// Everything that changes the finished content of a directory is told of, and nothing half-written is.

import Glibc
import TestSupport
import Testing

@testable import Datastore

@Suite struct DirectoryWatchTests {
    let scratch = ScratchDirectory()
    var directory: String { scratch.path + "/a/cluster" }

    private func prepare() {
        mkdir(scratch.path + "/a", 0o755)
        mkdir(directory, 0o755)
    }

    @Test("Writing, renaming and deleting are changes; being written is not")
    func changes() throws {
        prepare()
        var watch = try DirectoryWatch(directory)
        #expect(try watch.drain() == false)

        let file = try #require(fopen(directory + "/x.yaml", "w"))
        fputs("a", file)
        fflush(file)
        #expect(try watch.drain() == false)
        #expect(watch.namesBeingWritten == ["x.yaml"])
        fclose(file)
        #expect(try watch.drain() == true)
        #expect(watch.namesBeingWritten == [])

        rename(directory + "/x.yaml", directory + "/y.yaml")
        #expect(try watch.drain() == true)
        unlink(directory + "/y.yaml")
        #expect(try watch.drain() == true)
        symlink("/etc/hostname", directory + "/z.yaml")
        #expect(try watch.drain() == true)
        #expect(try watch.drain() == false)
    }

    @Test("A directory that is removed and made again is watched again")
    func recreated() throws {
        prepare()
        var watch = try DirectoryWatch(directory)
        rmdir(directory)
        #expect(try watch.drain() == true)
        mkdir(directory, 0o755)
        #expect(try watch.drain() == true)
        scratch.write("a/cluster/x.yaml", "a")
        #expect(try watch.drain() == true)
    }

    @Test("A directory that is exchanged by rename, or that moves with its parent, is followed")
    func exchanged() throws {
        prepare()
        var watch = try DirectoryWatch(directory)
        mkdir(scratch.path + "/a/next", 0o755)
        rename(directory, scratch.path + "/a/old")
        rename(scratch.path + "/a/next", directory)
        #expect(try watch.drain() == true)
        scratch.write("a/cluster/x.yaml", "a")
        #expect(try watch.drain() == true)
        scratch.write("a/old/x.yaml", "a")
        #expect(try watch.drain() == false)

        rename(scratch.path + "/a", scratch.path + "/b")
        #expect(try watch.drain() == true)
        prepare()
        #expect(try watch.drain() == true)
        scratch.write("a/cluster/x.yaml", "a")
        #expect(try watch.drain() == true)
    }

    @Test("Nothing on the path has to exist at the start")
    func later() throws {
        var watch = try DirectoryWatch(directory)
        #expect(try watch.drain() == false)
        mkdir(scratch.path + "/a", 0o755)
        #expect(try watch.drain() == true)
        mkdir(directory, 0o755)
        #expect(try watch.drain() == true)
        scratch.write("a/cluster/x.yaml", "a")
        #expect(try watch.drain() == true)
    }

    @Test("A link that is turned to another directory is followed")
    func link() throws {
        mkdir(scratch.path + "/v1", 0o755)
        mkdir(scratch.path + "/v2", 0o755)
        symlink("v1", scratch.path + "/current")
        var watch = try DirectoryWatch(scratch.path + "/current")
        symlink("v2", scratch.path + "/new")
        rename(scratch.path + "/new", scratch.path + "/current")
        #expect(try watch.drain() == true)
        scratch.write("v2/x.yaml", "a")
        #expect(try watch.drain() == true)
    }
}
