// SIGINT and SIGTERM: the running cell or step is finished or dropped, and the command exits with 130.

import Foundation
import Synchronization

enum Interruption {
  private static let requested = Atomic<Bool>(false)

  static var isRequested: Bool { requested.load(ordering: .relaxed) }

  /// From now on the two signals only ask; a second one ends the process at once.
  static func watch() {
    for signalNumber in [SIGINT, SIGTERM] {
      signal(signalNumber) { number in
        Interruption.requested.store(true, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }
}
