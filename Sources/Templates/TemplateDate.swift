/// A moment on a calendar, for `strftime_now`: given, so that the same values render the same text.
package struct TemplateDate: Sendable, Equatable {
  package let year: Int
  /// 1 to 12.
  package let month: Int
  /// 1 to 31.
  package let day: Int
  package let hour: Int
  package let minute: Int
  package let second: Int

  /// Nil where there is no such moment in the Gregorian calendar of the years 1 to 9999.
  package init?(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
    guard 1...9999 ~= year, 1...12 ~= month, day >= 1, day <= Self.days(in: month, of: year), 0..<24 ~= hour,
      0..<60 ~= minute, 0..<60 ~= second
    else { return nil }
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
  }

  private static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static let weekdays = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]
  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
  ]

  private var dayOfYear: Int { (1..<month).reduce(day) { $0 + Self.days(in: $1, of: year) } }

  /// 0 is Sunday.
  private var weekday: Int {
    let before = year - 1
    return (before * 365 + before / 4 - before / 100 + before / 400 + dayOfYear) % 7
  }

  /// What Python's `strftime` writes for one code, in the C locale; nil for a code that is not known here.
  func text(for code: Unicode.Scalar) -> String? {
    func digits(_ value: Int, _ count: Int = 2) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    let noon = hour % 12 == 0 ? 12 : hour % 12
    return switch code {
    case "a": String(Self.weekdays[weekday].prefix(3))
    case "A": Self.weekdays[weekday]
    case "b": String(Self.months[month - 1].prefix(3))
    case "B": Self.months[month - 1]
    case "d": digits(day)
    case "e": day < 10 ? " \(day)" : "\(day)"
    case "F": "\(year)-\(digits(month))-\(digits(day))"
    case "H": digits(hour)
    case "I": digits(noon)
    case "j": digits(dayOfYear, 3)
    case "m": digits(month)
    case "M": digits(minute)
    case "p": hour < 12 ? "AM" : "PM"
    case "S": digits(second)
    case "T": "\(digits(hour)):\(digits(minute)):\(digits(second))"
    case "w": String(weekday)
    case "y": digits(year % 100)
    case "Y": String(year)
    case "%": "%"
    default: nil
    }
  }
}
