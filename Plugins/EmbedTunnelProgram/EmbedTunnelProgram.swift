// Compiles the tunnel's BPF programs with the clang that stands beside swift, and makes the object a Swift source.

import PackagePlugin

@main
struct EmbedTunnelProgram: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let package = context.package.directoryURL
        let folder = package.appending(path: "Sources/CTunnelProgram")
        let program = folder.appending(path: "program/tunnel.bpf.c")
        let header = folder.appending(path: "include/tunnel_program.h")
        let output = context.pluginWorkDirectoryURL.appending(path: "TunnelObject.swift")
        return [
            .buildCommand(
                displayName: "Compiling tunnel.bpf.c for BPF",
                executable: try context.tool(named: "embedprogram").url,
                arguments: [
                    try context.tool(named: "clang").url.path, program.path,
                    header.deletingLastPathComponent().path, output.path,
                ],
                inputFiles: [program, header], outputFiles: [output])
        ]
    }
}
