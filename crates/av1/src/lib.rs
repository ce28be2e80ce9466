//! The program that decodes AVIF: AV1 frames become rows of pixels, in a process that can do nothing else.
//!
//! `im2_pictures` starts it and says what it is to do (see [`im2_pictures::decoder`]). Before the first byte of the
//! picture is read, the process shuts itself in ([`sandbox`]): from then on it can read its input, write its output, ask
//! for a bounded amount of memory, and end.

mod colours;
mod frames;
mod rows;
mod sandbox;

use std::{
    fs::File,
    io::{self, Write},
    process::ExitCode,
};

use im2_pictures::{Refusal, avif::Avif, decoder};
use rustix::{io::fcntl_dupfd_cloexec, stdio};

use self::rows::Rows;

/// Bytes that are written at a time, at least.
const WRITTEN: usize = 64 << 10;

/// Decodes the picture on standard input to standard output, within a number of bytes of memory.
pub fn run(memory: u64) -> ExitCode {
    let outcome = enter(memory, decoder::SECONDS).and_then(|(input, output)| decode(&input, output));
    ExitCode::from(match outcome {
        Ok(()) => 0,
        Err(Refusal::NoDecoder) => decoder::NO_SANDBOX,
        Err(Refusal::TooLarge) => decoder::TOO_LARGE,
        Err(_) => decoder::UNREADABLE,
    })
}

/// Shuts the process in, with this many bytes of memory and seconds of a processor; returns its input and its output.
/// Of several threads it is only the one that calls.
pub fn enter(memory: u64, seconds: u64) -> Result<(File, File), Refusal> {
    let input = File::from(fcntl_dupfd_cloexec(stdio::stdin(), 3).map_err(io::Error::from)?);
    let output = File::from(fcntl_dupfd_cloexec(stdio::stdout(), 3).map_err(io::Error::from)?);
    sandbox::enter(&input, &output, (memory, seconds)).map_err(|_| Refusal::NoDecoder)?;
    Ok((input, output))
}

/// Decodes the picture of an AVIF file, and writes the part that is seen.
pub fn decode(input: &File, mut output: impl Write) -> Result<(), Refusal> {
    let avif = Avif::read(io::BufReader::new(input))?;
    let mut rows = Rows::new(&avif, input);
    let mut ready = Vec::with_capacity(WRITTEN + rows.length());
    for row in 0..avif.seen.size.1 {
        rows.append(row, &mut ready)?;
        if ready.len() >= WRITTEN {
            output.write_all(&ready)?;
            ready.clear();
        }
    }
    Ok(output.write_all(&ready)?)
}
