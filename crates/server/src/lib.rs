//! The im2 binary: configuration, wiring, lifecycle, the command line.
