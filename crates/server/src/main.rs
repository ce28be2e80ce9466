//! The `im2` command.

fn main() {}
