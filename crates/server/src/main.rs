//! The `im2` command.

fn main() -> std::process::ExitCode {
    im2_server::cli::main()
}
