// Where the packets towards n2's tunnel came from, and where each of them ended.

/// Both sides of the account.
struct SoakTable {
    let garbage: [Garbage: Int]
    let account: DropAccount

    private var sent: Int { garbage.values.reduce(0, +) + account.fromPeer }
    /// Packets that were sent and ended nowhere; 0 where all are accounted for.
    var missing: Int { sent - account.ended }

    func write() {
        var rows = garbage.sorted { $0.key.rawValue < $1.key.rawValue }.map { ("sent: \($0.key.rawValue)", $0.value) }
        rows.append(("sent: n1's own", account.fromPeer))
        rows.append(("all sent", sent))
        rows += account.ends.filter { $0.value != 0 }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        rows.append(("all accounted for", account.ended))
        let width = rows.map(\.0.count).max() ?? 0
        for (name, count) in rows {
            let number = "\(count)"
            print("  \(name)\(String(repeating: " ", count: width - name.count + 12 - min(12, number.count)))\(number)")
        }
    }
}
