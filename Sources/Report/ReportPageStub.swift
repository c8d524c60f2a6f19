// stub
public enum ReportPage { public static func render(_ r: BenchReport) -> String { "" } }
