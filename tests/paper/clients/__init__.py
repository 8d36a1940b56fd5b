"""Client libraries nobody here wrote, each driven in a virtualenv of its own, telling facts as JSON."""
