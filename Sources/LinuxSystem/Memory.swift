// What the C library keeps of freed memory, given back.

internal import CLinux

/// The process's heap.
public enum Memory {
    /// Gives freed memory back to the kernel: after a large load, glibc would keep it for long.
    public static func returnFreed() {
        clinux_return_freed_memory()
    }

    /// Has allocations from this many bytes on given back as soon as they are freed.
    ///
    /// Left alone, glibc raises its threshold with every large block that is freed, up to 32 MB: after a walk over a
    /// large table its arrays would stay, and arenas that are meant to be used page by page be made of used pages.
    public static func mapAllocations(from bytes: Int) {
        clinux_map_large_allocations(Int32(clamping: bytes))
    }
}
