// Questions about a path that need no open file.

internal import Glibc

/// Facts about paths.
public enum File {
    /// Whether there is anything at this path; a link that leads nowhere is nothing.
    public static func exists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }

    /// Whether a descriptor is a terminal.
    public static func isTerminal(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1
    }
}
