"""Everything Redis: the only importers of redis. Keys in keys.py, ingress, egress, the platform's gates."""
