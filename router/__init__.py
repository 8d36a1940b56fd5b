"""What the router knows and decides: pure, no sockets, no clock, no Redis."""
