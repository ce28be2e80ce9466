//! A server of the test's own, which it may kill. The executable is named by `IM2_BINARY`.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

const READY: &str = "IM2 is ready on ";

/// A process that serves a folder, and serves it again at the same address after it has ended.
pub struct Server {
    folder: TempDir,
    process: Child,
    pub url: String,
}

impl Server {
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (process, url) = serve(&folder, "127.0.0.1:0")?;
        Ok(Self { folder, process, url })
    }

    /// Ends the process as a power failure would, and starts it again.
    pub fn crash_and_restart(&mut self) -> Result<()> {
        self.stop();
        let (process, url) = serve(&self.folder, self.url.trim_start_matches("http://"))?;
        self.process = process;
        self.url = url;
        Ok(())
    }

    fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(folder: &TempDir, bind: &str) -> Result<(Child, String)> {
    let binary = std::env::var("IM2_BINARY").context("IM2_BINARY names the server's executable")?;
    let mut process = Command::new(binary)
        .arg("serve")
        .current_dir(folder)
        .env_clear() // what the environment says of IM2 is for the tests
        .env("IM2_DATA_DIR", "data")
        .env("IM2_HTTP__BIND", bind)
        .env("IM2_METRICS__BIND", "[]")
        .env("IM2_RATE_LIMITS__ENABLED", "false")
        .env("IM2_REGISTRATION__MODE", "open")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = process.stdout.take().context("its output is piped")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    match line.trim().strip_prefix(READY) {
        Some(url) => Ok((process, url.to_owned())),
        None => bail!("the server says {line:?}"),
    }
}
