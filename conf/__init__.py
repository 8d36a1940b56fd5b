"""Settings: typed, validated, unknown keys refused."""
