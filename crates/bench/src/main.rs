//! The `im2-bench` command: load generator and measurements.

fn main() {}
