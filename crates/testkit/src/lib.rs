//! A server in a test: never shipped.
