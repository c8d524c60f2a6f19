// The root of all end-to-end suites, which are nested in it (`extension EndToEndTests`): so their labs do not run side
// by side, they run only where labs can be made, and what a test leaves behind is seen at that test.

import TestSupport
import Testing

@Suite("End to end", .serialized, .needsNamespaces, .leavesNothingBehind)
enum EndToEndTests {}
