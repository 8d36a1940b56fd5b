"""A stand-in for IB Gateway: speaks the TWS socket protocol from its own codec, imports nothing of the router."""
