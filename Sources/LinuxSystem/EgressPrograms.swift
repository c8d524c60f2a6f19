// Whether BPF programs see what a device sends, where they hang beside its queueing discipline.

internal import CLinux

/// BPF programs linked to a device's egress (tcx).
public enum EgressPrograms {
    /// How many there are on the device with this index; 0 where the kernel has none, or does not say.
    public static func count(link: Int32) -> Int {
        max(0, Int(clinux_egress_program_count(UInt32(bitPattern: link))))
    }
}
