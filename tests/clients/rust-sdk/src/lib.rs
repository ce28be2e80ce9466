//! matrix-rust-sdk against the real server; the tests are in `tests/it`.
