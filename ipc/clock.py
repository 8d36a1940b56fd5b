"""Units of monotonic time."""

NS = 1_000_000_000  # nanoseconds in a second
MS = 1_000_000  # nanoseconds in a millisecond
NEVER = 1 << 63  # later than any monotonic instant
