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

    /// Appends all descriptors of another list.
    public mutating func append(_ list: consuming DescriptorList) {
        while let descriptor = list.removeFirst() { append(descriptor) }
    }

    /// Appends second numbers for all open files of a list, which keeps its own.
    public mutating func append(copiesOf list: borrowing DescriptorList) throws(SyscallError) {
        for number in list.numbers { append(try Descriptor.duplicate(of: number)) }
    }

    /// Takes the first descriptor out.
    public mutating func removeFirst() -> Descriptor? {
        numbers.isEmpty ? nil : Descriptor(owning: numbers.removeFirst())
    }

    deinit {
        for number in numbers { _ = Descriptor(owning: number) }
    }
}
