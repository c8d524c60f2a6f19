// Several owned descriptors in an order that two sides agree on: arrays cannot hold values with one owner.

/// Owned descriptors, first in first out; those that nobody took are closed with the list.
public struct DescriptorList: ~Copyable, Sendable {
    /// The numbers, in order; valid for as long as this value lives.
    public private(set) var numbers: [Int32] = []

    /// An empty list.
    public init() {}

    /// Takes ownership of open descriptors.
    init(owning numbers: [Int32]) {
        self.numbers = numbers
    }

    public var count: Int { numbers.count }

    /// Appends a descriptor.
    public mutating func append(_ descriptor: consuming Descriptor) {
        numbers.append(descriptor.release())
    }

    /// Appends a second number for an open file, which the original's owner keeps.
    public mutating func append(copyOf descriptor: borrowing Descriptor) throws(SyscallError) {
        append(try Descriptor.duplicate(of: descriptor.rawValue))
    }

    /// The same open files under numbers of their own.
    public func copy() throws(SyscallError) -> DescriptorList {
        var copy = DescriptorList()
        for number in numbers { copy.append(try Descriptor.duplicate(of: number)) }
        return copy
    }

    /// Takes the first descriptor out.
    public mutating func removeFirst() -> Descriptor? {
        numbers.isEmpty ? nil : Descriptor(owning: numbers.removeFirst())
    }

    deinit {
        for number in numbers { _ = Descriptor(owning: number) }
    }
}
