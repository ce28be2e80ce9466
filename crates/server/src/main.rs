//! The `im2` command.

/// The system's allocator keeps what each thread has freed for that thread: after some dozen password hashes of 19 MB
/// each, hundreds of megabytes lie idle. This one gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    im2_server::cli::main()
}
