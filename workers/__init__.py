"""The processes: thin shells round the pure functions of `router`."""
