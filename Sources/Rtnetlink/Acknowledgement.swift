// NLMSG_ERROR and the end of a dump: the error number and, where the kernel gave one, its reason in words.
//
//     nlmsghdr | int error | nlmsghdr of the request | the request's payload, unless NLM_F_CAPPED | attributes
//     nlmsghdr | int error | attributes                                                   (NLMSG_DONE)

internal import CMnl

/// The kernel's answer to a request.
package struct Acknowledgement {
    /// Positive; 0 for success.
    package var code: Int32
    package var message = ""
    /// Of the refused attribute, in bytes from the request's header.
    package var offset: Int?

    /// Decodes `NLMSG_ERROR` or `NLMSG_DONE`; nil for anything else.
    package init?(_ message: Message) {
        let isDone = message.type == MessageType.done
        guard isDone || message.type == MessageType.error else { return nil }
        // A dump may end with an empty NLMSG_DONE in old kernels; an error without its number is malformed.
        guard let negative = message.fixed(Int32.self) ?? (isDone ? 0 : nil) else { return nil }
        code = negative < 0 ? Int32(clamping: negative.magnitude) : 0
        guard message.flags & MessageFlag.acknowledgeAttributes != 0, code != 0 else { return }
        var start = MemoryLayout<Int32>.size
        if !isDone {
            guard let request = message.fixed(nlmsghdr.self, at: start) else { return }
            let isCapped = message.flags & MessageFlag.capped != 0
            start += isCapped ? MemoryLayout<nlmsghdr>.size : Int(request.nlmsg_len)
        }
        var attributes = message.attributes(at: start)
        while let attribute = attributes.next() {
            switch attribute.type {
            case AcknowledgementAttribute.message: self.message = attribute.text
            case AcknowledgementAttribute.offset: offset = attribute.load(UInt32.self).map { Int($0) }
            default: break
            }
        }
    }
}
