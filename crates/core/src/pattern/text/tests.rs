//! Pattern text and patterns, there and back.
