//! The real `im2` executable, for what only a process can show.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread::JoinHandle,
};

use tempfile::TempDir;

use crate::Client;

/// The executable under test: it runs in a folder of its own, with nothing of the environment but the path.
#[derive(Debug)]
pub struct Binary {
    executable: String,
    folder: TempDir,
}

/// The result of a command that ended.
#[derive(Debug)]
pub struct Ended {
    /// Whether it succeeded.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { success: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// A server process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    url: String,
    stdout: Option<BufReader<std::process::ChildStdout>>,
    stderr: Option<JoinHandle<String>>,
}

impl Binary {
    /// The executable, on a new folder. Integration tests of the crate im2-server pass `env!("CARGO_BIN_EXE_im2")`.
    pub fn new(executable: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        Self { executable: executable.to_owned(), folder }
    }

    /// The folder it runs in; its data is in `data` there.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("IM2_DATA_DIR", "data").env("IM2_HTTP__BIND", "127.0.0.1:0").env("IM2_METRICS__BIND", "[]");
        command.env("IM2_RTC__ENABLED", "false");
        command.env("IM2_RATE_LIMITS__ENABLED", "false").envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
        Ended::from(self.command(arguments, environment).output().expect("the executable can be run"))
    }

    /// Runs a command to its end with this on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self.command(arguments, &[]).stdin(Stdio::piped()).spawn().expect("the executable can be run");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        // A command that refuses before it reads closes the pipe, which is not the test's concern.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        Ended::from(child.wait_with_output().expect("the executable can be waited for"))
    }

    /// Starts the server and waits for its ready line. Panics with its log if it ends instead.
    pub fn serve(&self, environment: &[(&str, &str)]) -> Process {
        let mut child = self.command(&["serve"], environment).spawn().expect("the executable can be run");
        let mut stdout = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let mut stderr = child.stderr.take().expect("standard error is piped");
        let log = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let mut line = String::new();
        let read = stdout.read_line(&mut line).expect("standard output is text");
        let Some(url) = line.trim_end().strip_prefix("IM2 is ready on ").filter(|_| read > 0) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server is not ready but says {line:?}; its log:\n{}", log.join().unwrap_or_default());
        };
        Process { url: url.to_owned(), child, stdout: Some(stdout), stderr: Some(log) }
    }
}

impl Process {
    /// The address at which it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Somebody without an account.
    pub fn anonymous(&self) -> Client {
        Client::anonymous(&self.url)
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name: `TERM`, `INT`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "signal {name}");
    }

    /// Kills it without warning, as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().expect("a process of ours can be killed");
        self.child.wait().expect("a killed process ends");
    }

    /// Waits for its end; returns its exit status, the rest of its output, and its log.
    pub fn wait(mut self) -> (ExitStatus, String, String) {
        let status = self.child.wait().expect("a process of ours can be waited for");
        let mut output = String::new();
        if let Some(mut stdout) = self.stdout.take() {
            stdout.read_to_string(&mut output).expect("standard output is text");
        }
        let log = self.stderr.take().and_then(|log| log.join().ok()).unwrap_or_default();
        (status, output, log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, which is what the errors would say.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
