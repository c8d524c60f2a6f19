// Gathers the fields of file and environment by key; a mistake in one does not hide those in the others.

internal import Datastore

/// The fields found so far, and the mistakes.
struct ConfigReader {
    private(set) var fields: [ConfigKey: ConfigField] = [:]
    var errors: [SourceError] = []

    mutating func readFile(_ bytes: [UInt8], _ file: String) {
        do throws(SourceError) {
            guard let document = try YAMLSource(bytes, file: file).singleDocument() else { return }
            let root = try document.mapping()
            read(root, section: nil)
            for section in ConfigKey.sections {
                guard let value = root[section] else { continue }
                do throws(SourceError) {
                    read(try value.mapping(), section: section)
                } catch {
                    errors.append(error)
                }
            }
        } catch {
            errors.append(error)
        }
    }

    private mutating func read(_ mapping: YAMLMapping, section: String?) {
        errors += mapping.unknownKeyErrors(ConfigKey.names(in: section))
        for entry in mapping.entries {
            let path = section.map { $0 + "." + entry.key } ?? entry.key
            guard let key = ConfigKey(rawValue: path), section != nil || !path.contains(".") else { continue }
            if entry.value.isNull {
                errors.append(entry.error("has no value", "write a value or remove the key"))
            } else {
                fields[key] = .yaml(entry.value)
            }
        }
    }

    mutating func readEnvironment(_ environment: [String: String]) {
        errors += ConfigKey.unknownVariables(in: environment)
        for key in ConfigKey.allCases {
            guard let text = environment[key.environmentVariable] else { continue }
            fields[key] = .variable(name: key.environmentVariable, text: text)
        }
    }

    mutating func take(_ key: ConfigKey, _ body: (ConfigField) throws(SourceError) -> Void) {
        guard let field = fields[key] else { return }
        do throws(SourceError) {
            try body(field)
        } catch {
            errors.append(error)
        }
    }
}
