// Compiles the tunnel's BPF programs with the clang that stands beside swift, and makes the object a Swift source.

import Foundation
import PackagePlugin

@main
struct EmbedTunnelProgram: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let folder = context.package.directoryURL.appending(path: "Sources/CTunnelProgram")
        let (programs, headers) = (folder.appending(path: "program"), folder.appending(path: "include"))
        let inputs = try [programs, headers].flatMap {
            try FileManager.default.contentsOfDirectory(at: $0, includingPropertiesForKeys: nil)
        }
        let output = context.pluginWorkDirectoryURL.appending(path: "TunnelObject.swift")
        return [
            .buildCommand(
                displayName: "Compiling tunnel.bpf.c for BPF",
                executable: try context.tool(named: "embedprogram").url,
                arguments: [
                    try context.tool(named: "clang").url.path, programs.appending(path: "tunnel.bpf.c").path,
                    headers.path, output.path,
                ],
                inputFiles: inputs.sorted { $0.path < $1.path }, outputFiles: [output])
        ]
    }
}
