"""The bus: the only importer of zmq."""
