"""The IB connection: the one process that talks to IBKR."""
