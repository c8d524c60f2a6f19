// A report whose every text wants to be markup.

import Report

enum HostileReport {
    static let name =
        "</title></style></script><script>document.title='taken'</script><img src=x onerror=alert(1)>\"' &lt;\u{1B}"

    static let report = BenchReport(
        command: name, begun: name, network: name, machine: [.init(name, name)], rounds: 3, secondsPerLoad: 1,
        paths: [.init(name: "native" + name, about: name), .init(name: name, about: name)],
        missing: [.init(path: name, reason: name)],
        figures: [
            .init(path: "native" + name, mtu: 1500, quantity: .tcp1, samples: [1, 2, 3]),
            .init(path: name, mtu: 1500, quantity: .tcp1, samples: [1, 2, 3]),
            .init(path: name, mtu: 1500, quantity: .ping99, samples: [1, 2, 3]),
        ],
        overheads: [
            .init(
                path: name, mtu: 1500, mix: .mixed, packets: 1, deliveredBytes: 100, wireBytes: 148,
                expectedPerPacket: 20, measuredPerPacket: 20)
        ], interruption: name)
}
