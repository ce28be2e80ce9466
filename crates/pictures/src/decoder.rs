//! Decoding in a process of its own.
//!
//! A decoder of video is a large program that was written to be fast, and what it reads may be made to break it. So it
//! runs as another process, which can do nothing but read the picture and write pixels; here is what starts it, listens
//! to it, and ends it. Whatever it does, it costs that picture its thumbnail and nothing else.
//!
//! The program is called with the bytes of memory that it may take as its last argument. Its standard input is the
//! file; it writes the rows of the picture's part that is seen, each pixel as [`Avif::channels`](crate::avif::Avif)
//! bytes, and nothing else. If it cannot, its exit status says why.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read as _},
    os::{fd::AsFd, unix::process::ExitStatusExt as _},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::Signal,
};

use crate::Refusal;

/// Processor time, in seconds, after which the program is to end itself: what other formats have.
pub const SECONDS: u64 = 8;
/// The exit status of a program that has met a picture which it cannot read.
pub const UNREADABLE: u8 = 10;
/// The exit status of a program that would need more memory than it may take.
pub const TOO_LARGE: u8 = 11;
/// The exit status of a program that cannot shut itself in on this system.
pub const NO_SANDBOX: u8 = 12;

/// How long the program may take by the clock on the wall. On a machine that is busy with other work it has a part of a
/// processor only, and [`SECONDS`] take longer.
const PATIENCE: Duration = Duration::from_secs(90);

/// A program that decodes pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoder {
    program: PathBuf,
    arguments: Vec<OsString>,
    patience: Duration,
}

impl Decoder {
    /// The program, and the arguments that come before the memory.
    pub fn new(program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        Self { program: program.into(), arguments: arguments.iter().map(Into::into).collect(), patience: PATIENCE }
    }

    /// The same, but given up after this time.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Whether the program runs and can shut itself in, tried with an empty file.
    pub fn is_ready(&self) -> bool {
        let tried = File::open("/dev/null").map(|empty| self.decode(&empty, 0, (1, 1), |_| true));
        matches!(tried, Ok(Err(Refusal::Unreadable)))
    }

    /// Has a file decoded and hands `rows` rows of `length` bytes each to `sink`, until it returns false.
    pub(crate) fn decode(
        &self,
        file: &File,
        memory: u64,
        (length, rows): (usize, u32),
        mut sink: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), Refusal> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(memory.to_string()).env_clear().current_dir("/");
        // The allocator asks for as much as it needs, not for a gigabyte of addresses in advance: they are limited.
        command.env("MIMALLOC_ARENA_RESERVE", "0");
        command.stdin(file.try_clone()?).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut running = Running(command.spawn().map_err(|_| Refusal::NoDecoder)?);
        let deadline = Instant::now() + self.patience;
        let mut row = vec![0; length];
        for _ in 0..rows {
            if !running.read(&mut row, deadline)? {
                return Err(running.refusal(deadline));
            }
            if !sink(&row) {
                break;
            }
        }
        Ok(())
    }
}

/// A process that does not outlive this.
struct Running(Child);

impl Running {
    /// Fills `row`. False if there is no more.
    fn read(&mut self, row: &mut [u8], deadline: Instant) -> Result<bool, Refusal> {
        let Some(output) = &mut self.0.stdout else { return Ok(false) };
        let mut filled = 0;
        while filled < row.len() {
            wait_for(output, deadline)?;
            match output.read(&mut row[filled..]) {
                Ok(0) => return Ok(false),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// The reason why a process closed its output.
    fn refusal(&mut self, deadline: Instant) -> Refusal {
        // It may have closed its output without ending.
        const BETWEEN_LOOKS: Duration = Duration::from_millis(2);
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return said_by(status),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(BETWEEN_LOOKS),
                _ => return Refusal::Unreadable,
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Errors say that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The reason for refusing a picture whose decoder ended with this status.
fn said_by(status: ExitStatus) -> Refusal {
    const BY_TIME: [Signal; 2] = [Signal::XCPU, Signal::KILL];
    if status.signal().is_some_and(|signal| BY_TIME.iter().any(|by_time| by_time.as_raw() == signal)) {
        return Refusal::TooLarge;
    }
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(TOO_LARGE) => Refusal::TooLarge,
        Some(NO_SANDBOX) => Refusal::NoDecoder,
        _ => Refusal::Unreadable,
    }
}

/// Waits until something can be read.
fn wait_for(output: &impl AsFd, deadline: Instant) -> Result<(), Refusal> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(output, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Err(Refusal::TooLarge),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
}
