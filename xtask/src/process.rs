//! Starting other programs: what is run is printed, and what fails says which command failed.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// Lines of a failed command that are said again at the end of a long run.
const LAST_LINES: usize = 12;
/// How long what a command printed may take to arrive once it has ended.
const AFTER_ITS_END: Duration = Duration::from_secs(5);

/// A command that ended unsuccessfully.
#[derive(Debug)]
pub(crate) struct Failed {
    line: String,
    status: ExitStatus,
    /// The last lines that it printed, if they went through this program: a log is read from its end, a terminal has it
    /// all.
    pub(crate) last: Vec<String>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` failed: {}", self.line, self.status)
    }
}

impl std::error::Error for Failed {}

/// Runs a command with its output visible; an unsuccessful exit is an error that downcasts to [`Failed`].
pub(crate) fn run(mut command: Command) -> Result<()> {
    let line = describe(&command);
    println!("$ {line}");
    let through_us = !io::stdout().is_terminal();
    if through_us {
        command.stdout(Stdio::piped());
    }
    let mut child = command.spawn().with_context(|| format!("cannot start `{line}`"))?;
    let copying = child.stdout.take().map(Copying::start);
    let status = child.wait().with_context(|| format!("cannot wait for `{line}`"))?;
    let last = copying.map(Copying::end).unwrap_or_default();
    if status.success() { Ok(()) } else { Err(Failed { line, status, last }.into()) }
}

/// A thread that prints what a command prints, and keeps its last lines.
struct Copying {
    last: Arc<Mutex<VecDeque<String>>>,
    ended: mpsc::Receiver<()>,
}

impl Copying {
    fn start(from: ChildStdout) -> Self {
        let last = Arc::new(Mutex::new(VecDeque::with_capacity(LAST_LINES)));
        let (end, ended) = mpsc::channel();
        let kept = Arc::clone(&last);
        std::thread::spawn(move || {
            // Who reads our own output may have gone: that is no failure of the command.
            let _gone = copy(from, &kept);
            let _nobody_waits = end.send(());
        });
        Self { last, ended }
    }

    /// The last lines. What the command left running in the background may hold the pipe open: it is not waited for.
    fn end(self) -> Vec<String> {
        let _still_open = self.ended.recv_timeout(AFTER_ITS_END);
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

fn copy(from: ChildStdout, last: &Mutex<VecDeque<String>>) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        let mut out = io::stdout().lock();
        out.write_all(&line)?;
        out.flush()?;
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        if text.is_empty() {
            continue;
        }
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(text);
    }
    Ok(())
}

/// Runs a command in place of ourselves: its exit code becomes ours.
pub(crate) fn forward(mut command: Command) -> Result<ExitCode> {
    let line = describe(&command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The standard output of a command; its errors stay visible. Fails if the command does.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let line = describe(&command);
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed something other than UTF-8"))
}

/// The first of these programs that `PATH` holds.
pub(crate) fn find(programs: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let places = programs.iter().flat_map(|program| folders.iter().map(move |folder| folder.join(program)));
    places.into_iter().find(|place| place.is_file())
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_says_what_it_printed_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let number = folder.path().join("number");
        let mut command = Command::new("sh");
        // Something stays in the background with the pipe in its hand.
        command.args(["-c", "sleep 60 & echo $! > \"$0\"; seq 20; echo; exit 3"]).arg(&number);
        let start = std::time::Instant::now();
        let error = run(command).expect_err("it ends with 3");
        let failed = error.downcast_ref::<Failed>().expect("it has a type");
        assert!(start.elapsed() < Duration::from_secs(30), "what stays behind is not waited for");
        let left = std::fs::read_to_string(number).expect("the number of the process that stays");
        assert!(Command::new("kill").arg(left.trim()).status().expect("kill runs").success(), "it is still there");
        if !io::stdout().is_terminal() {
            assert_eq!(failed.last, (9..=20).map(|number| number.to_string()).collect::<Vec<_>>());
        }
    }
}
