"""Tests mirror the source, one to one."""
