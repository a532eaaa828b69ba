/// The chat page.
enum ChatPage {
  static let html: StaticString = "<!doctype html><title>Needletail</title><p>The chat page comes later."
}
