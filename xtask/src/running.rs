//! A real `im2` process for a test: started on a free loopback port with an empty data directory, stopped politely.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::project::Project;

/// The words before the address in the line that the server prints once it answers.
const READY: &str = "IM2 is ready on ";
const START_LIMIT: Duration = Duration::from_secs(60);
/// The server promises to be gone ten seconds after SIGTERM; a loaded machine gets some more.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// The configuration of a test server.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Names its folder under cargo's target folder.
    name: String,
}

impl Settings {
    /// The secret of shared-secret registration on test servers.
    pub(crate) const SHARED_SECRET: &'static str = "a secret of the tests";

    /// Open registration, no rate limits, calls on free ports, and access tokens that have to be refreshed all the time.
    pub(crate) fn for_tests(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    fn toml(folder: &Path, port: u16) -> String {
        format!(
            "server_name = \"localhost\"\ndata_dir = \"{}\"\n\n[http]\nbind = [\"127.0.0.1:{port}\"]\n\n\
             [registration]\nmode = \"open\"\nshared_secret = \"{}\"\n\n[rate_limits]\nenabled = false\n\n[metrics]\nbind = []\n\n\
             [server_notices]\nlocalpart = \"notices\"\n\n[login]\naccess_token_lifetime = 20\n\n\
             [push]\nallow_private_addresses = true\n\n[rtc]\nenabled = true\nudp_port = 0\ntcp_port = 0\n",
            folder.join("data").display(),
            Self::SHARED_SECRET,
        )
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    url: String,
    log: PathBuf,
}

impl Server {
    /// Starts the binary and waits for its ready line.
    pub(crate) fn start(project: &Project, binary: &Path, settings: &Settings) -> Result<Self> {
        let folder = project.target.join("test-servers").join(&settings.name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("im2.toml");
        std::fs::write(&config, Settings::toml(&folder, free_port()?))?;
        let log = folder.join("im2.log");
        let mut command = Command::new(binary);
        command.args(["serve", "--config"]).arg(&config);
        // What is set for the tests themselves (`IM2_TIMED`) would be a key of the server's configuration.
        let set = std::env::vars_os().map(|(name, _)| name);
        for name in set.filter(|name| name.as_encoded_bytes().starts_with(b"IM2_")) {
            command.env_remove(name);
        }
        command.stdout(Stdio::piped()).stderr(File::create(&log)?);
        let mut process = command.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
        let output = process.stdout.take().context("the server has no output")?;
        match wait_until_ready(&address(output, File::options().append(true).open(&log)?), &mut process) {
            Ok(url) => {
                println!("server on {url}, log in {}", log.display());
                Ok(Self { process, url, log })
            }
            Err(error) => {
                // It may have ended by itself already.
                let _ = process.kill();
                let _ = process.wait();
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                Err(error.context(format!("the server did not start; its log:\n{log}")))
            }
        }
    }

    /// The address it answers on, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends SIGTERM and waits for an exit with code 0.
    pub(crate) fn stop(mut self) -> Result<()> {
        let mut terminate = Command::new("kill");
        terminate.args(["-TERM", &self.process.id().to_string()]);
        process::output(terminate)?;
        let deadline = Instant::now() + STOP_LIMIT;
        loop {
            if let Some(status) = self.process.try_wait()? {
                if !status.success() {
                    bail!("the server ended with {status}; its log is {}", self.log.display());
                }
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the server still ran {} s after SIGTERM", STOP_LIMIT.as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` there is nothing left to end, and that is what the error would say.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Copies the server's output into its log on a thread of its own; the address arrives when it has been printed.
fn address(output: ChildStdout, mut log: File) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(url) = ready_address(&line) {
                // Nobody waits any more if the start was given up.
                let _ = sender.send(url);
            }
            let _ = writeln!(log, "{line}");
        }
    });
    receiver
}

fn ready_address(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(READY)?;
    let url = rest.split_whitespace().next()?;
    Some(url.trim_end_matches('/').to_owned())
}

fn wait_until_ready(address: &Receiver<String>, process: &mut Child) -> Result<String> {
    let deadline = Instant::now() + START_LIMIT;
    while Instant::now() < deadline {
        if let Ok(url) = address.recv_timeout(Duration::from_millis(50)) {
            return Ok(url);
        }
        if let Some(status) = process.try_wait()? {
            bail!("it ended with {status}");
        }
    }
    bail!("it printed no `{READY}…` within {} s", START_LIMIT.as_secs())
}

/// A loopback port that nobody used a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_ready_line() {
        let url = Some("http://127.0.0.1:8008".to_owned());
        assert_eq!(ready_address("IM2 is ready on http://127.0.0.1:8008"), url);
        assert_eq!(ready_address("IM2 is ready on http://127.0.0.1:8008/ (and more)"), url);
        assert_eq!(ready_address("listening"), None);
    }
}
