// What the C library keeps of freed memory, given back.

internal import CLinux

/// The process's heap.
public enum Memory {
    /// Gives freed memory back to the kernel: after a large load, glibc would keep it for long.
    public static func returnFreed() {
        clinux_return_freed_memory()
    }
}
