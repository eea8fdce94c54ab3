// SIGINT and SIGTERM: the running cell or step is finished or dropped, and the command exits with 130. SIGBUS from a
// mapped file that was cut short: one sentence and the status of bad data.

import CKernels
import Foundation
import Synchronization

enum Interruption {
  private static let requested = Atomic<Bool>(false)

  static var isRequested: Bool { requested.load(ordering: .relaxed) }

  /// From now on the first two only ask; a second one ends the process at once.
  static func watch() {
    ck_watch_mappings(65)
    for signalNumber in [SIGINT, SIGTERM] {
      signal(signalNumber) { number in
        Interruption.requested.store(true, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }
}
