"""Stores for the tests: one module each that starts a server, seeds a tree, and stops it."""
