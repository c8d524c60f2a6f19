// Programs of others that run in a lab's hosts for a while, and end with the lab at the latest.

public import LinuxSystem
internal import Synchronization

extension Lab {
    /// Starts a program inside a host; it is ended when the lab goes down, also after a crash of this process.
    ///
    /// - Parameter log: a file that its output is appended to.
    public func startProgram(
        _ executable: String, _ arguments: [String], on host: String, log: String
    ) throws -> ChildProcess {
        let process = try ChildProcess.spawn(
            executable, arguments, inNamespace: try self.host(host).namespace, output: .file(log), errors: .file(log),
            newProcessGroup: true)
        state.withLock { $0.programs.append(process) }
        if let running = RunningProcess(pid: process.pid) { try directory.noteProcess(running) }
        return process
    }
}
