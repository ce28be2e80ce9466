//! The real program is shut in as `crates/server` tests it; here a process does so and then tries what it must not do.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{TcpListener, UdpSocket},
    os::unix::net::UnixStream,
    process::{Command, Stdio, exit},
};

const MARK: &str = "IM2_TEST_IS_SHUT_IN";
/// The exit status of a child in which nothing went wrong.
const AS_EXPECTED: i32 = 77;

/// Runs a test of this binary alone in another process, marked; returns its exit status.
fn run(test: &str, input: File) -> Option<i32> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        .env("MIMALLOC_ARENA_RESERVE", "0");
    command.stdin(input).stdout(Stdio::null()).status().unwrap().code()
}

#[test]
fn a_process_that_is_shut_in_can_read_write_and_end() {
    if std::env::var_os(MARK).is_none() {
        let input = File::open("/proc/self/cmdline").unwrap();
        assert_eq!(run("sandbox::a_process_that_is_shut_in_can_read_write_and_end", input), Some(AS_EXPECTED));
        return;
    }
    // Whatever fails panics, and the exit status is another one.
    let other = File::open("/proc/self/cmdline").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (mut input, mut output) = im2_av1::enter(64 << 20, 8).unwrap();
    assert!(input.read(&mut [0; 10]).is_ok_and(|count| count == 10));
    output.write_all(b"written").unwrap();
    assert_eq!(vec![1_u8; 30 << 20].iter().map(|byte| usize::from(*byte)).sum::<usize>(), 30 << 20);

    (&other).read(&mut [0; 10]).unwrap_err();
    (&input).write(b"no").unwrap_err();
    File::open("/proc/self/cmdline").unwrap_err();
    File::create("/tmp/im2-is-shut-in").unwrap_err();
    std::fs::remove_file("/tmp/im2-is-shut-in").unwrap_err();
    std::fs::read_dir("/").unwrap_err();
    std::fs::metadata("/").unwrap_err();
    socket.send_to(b"no", "127.0.0.1:9").unwrap_err();
    TcpListener::bind("127.0.0.1:0").unwrap_err();
    UnixStream::pair().unwrap_err();
    Command::new("/bin/true").spawn().unwrap_err();
    std::thread::Builder::new().spawn(|| {}).unwrap_err();
    assert!(Vec::<u8>::new().try_reserve_exact(200 << 20).is_err());
    exit(AS_EXPECTED);
}

#[test]
fn a_process_that_is_shut_in_is_ended_when_its_time_is_up() {
    if std::env::var_os(MARK).is_none() {
        let test = "sandbox::a_process_that_is_shut_in_is_ended_when_its_time_is_up";
        assert_eq!(run(test, File::open("/dev/null").unwrap()), None, "a signal ends it");
        return;
    }
    let _files = im2_av1::enter(64 << 20, 1).unwrap();
    let mut number = 1_u64;
    loop {
        number = std::hint::black_box(number.wrapping_mul(3));
    }
}
