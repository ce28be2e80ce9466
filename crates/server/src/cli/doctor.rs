//! `im2 doctor`: looks at what an operator would otherwise learn from a user.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    time::Duration,
};

use anyhow::{Result, bail};
use im2_model::address::is_public;
use im2_store::Store;

use super::say;
use crate::{
    config::{Config, RegistrationMode},
    process,
    server::decoder,
};

/// Below this, SQLite will soon be unable to commit.
const LITTLE_SPACE: u64 = 1 << 30;
/// Connections are files; below this the server turns people away early.
const FEW_FILES: u64 = 4_096;

/// The permission bits of a file's mode that apply to all other users of the machine.
const OTHERS: u32 = 0o007;

enum Finding {
    Good(String),
    Warning(String),
    Problem(String),
}

use Finding::{Good, Problem, Warning};

/// Prints what it finds, a line each; fails if something keeps the server from working.
pub(super) fn run(config: &Config) -> Result<()> {
    let mut findings = vec![Good("the configuration is valid".into())];
    findings.extend([data_dir(config), space(config), files(), pictures()]);
    findings.extend(readable_by_others(config));
    findings.extend(config.http.bind.iter().map(|address| listener(*address)));
    findings.push(exposure(config));
    findings.extend(calls(config));
    let mut problems = 0;
    for finding in &findings {
        match finding {
            Good(text) => say(format_args!("ok       {text}"))?,
            Warning(text) => say(format_args!("warning  {text}"))?,
            Problem(text) => {
                problems += 1;
                say(format_args!("PROBLEM  {text}"))?;
            }
        }
    }
    if problems > 0 {
        bail!("{problems} found that must be solved");
    }
    Ok(())
}

fn data_dir(config: &Config) -> Finding {
    let path = config.data_dir.display();
    if !config.data_dir.exists() {
        return Good(format!("{path} does not exist yet: the first start makes it"));
    }
    if !config.data_dir.is_dir() {
        return Problem(format!("{path} is not a folder"));
    }
    match Store::check(&im2_store::Options::new(&config.data_dir)) {
        Ok(()) => Good(format!("{path} can be opened and its database is usable")),
        Err(im2_store::Error::Locked(_)) => Good(format!("{path} is in use by a running server")),
        Err(error) => Problem(format!("{path} cannot be opened: {error}")),
    }
}

/// Files that other users of this machine can read or write: the data, and the secrets of application services.
fn readable_by_others(config: &Config) -> Vec<Finding> {
    let mut findings = match Store::exposed(&config.data_dir) {
        Ok(exposed) => {
            let all = exposed.iter().map(|path| {
                let how = "have access: the next start takes that from them, if the server's user owns it";
                Warning(format!("others on this machine than the owner of {} {how}", path.display()))
            });
            all.collect()
        }
        Err(error) => vec![Problem(format!("who can read {} is unknown: {error}", config.data_dir.display()))],
    };
    let secret = config
        .registration_files
        .iter()
        .filter(|path| path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & OTHERS != 0));
    findings.extend(secret.map(|path| {
        Warning(format!("everybody on this machine can read the tokens in {}: chmod 600 or 640", path.display()))
    }));
    if findings.is_empty() && config.data_dir.exists() {
        findings.push(Good(format!("only its owner has access to {}", config.data_dir.display())));
    }
    findings
}

fn space(config: &Config) -> Finding {
    let existing = config.data_dir.ancestors().find(|folder| folder.exists());
    let folder = existing.unwrap_or(std::path::Path::new("."));
    match rustix::fs::statvfs(folder) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let text = format!("{} MiB are free in {}", free >> 20, config.data_dir.display());
            if free < LITTLE_SPACE { Warning(format!("only {text}")) } else { Good(text) }
        }
        Err(error) => Warning(format!("the free space of {} is unknown: {error}", folder.display())),
    }
}

fn files() -> Finding {
    let limit = process::raise_file_limit();
    if limit < FEW_FILES {
        return Warning(format!("at most {limit} files and connections at once: raise the limit (ulimit -n)"));
    }
    Good(format!("up to {limit} files and connections at once"))
}

fn pictures() -> Finding {
    if decoder().is_some_and(|decoder| decoder.is_ready()) {
        return Good("AVIF pictures are decoded in a process that can do nothing else".into());
    }
    Warning(
        "there will be no thumbnails of AVIF pictures: this system does not let a process shut itself in (seccomp)"
            .into(),
    )
}

fn listener(address: SocketAddr) -> Finding {
    if TcpListener::bind(address).is_ok() {
        return Good(format!("{address} is free to listen on"));
    }
    match answers(address) {
        Some(true) => Good(format!("a server answers on {address} and is ready")),
        Some(false) => Problem(format!("another program answers on {address}, or a server that is not ready")),
        None => Problem(format!("{address} cannot be listened on")),
    }
}

/// Where clients are told to send the media of calls, and whether others than this machine's neighbours get there.
fn calls(config: &Config) -> Option<Finding> {
    let rtc = &config.rtc;
    if !rtc.enabled {
        return None;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let addresses = match runtime {
        Ok(runtime) => runtime.block_on(crate::rtc::addresses(config)),
        Err(error) => return Some(Problem(format!("the addresses of calls are unknown: {error}"))),
    };
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let names = names.join(", ");
    let at = format!("the media of calls go to UDP port {} of {names}", rtc.udp_port);
    let is_for_others = config.public_url.is_some() || !config.is_loopback_only();
    if is_for_others && !addresses.iter().any(|address| is_public(*address)) {
        return Some(Warning(format!(
            "{at}, none of which can be reached through the internet: if people call from elsewhere, name the address of \
             your router in rtc.addresses"
        )));
    }
    Some(Good(at))
}

/// Whether something there answers as a server that is ready; nothing if nothing answers.
fn answers(address: SocketAddr) -> Option<bool> {
    let patience = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut status = [0_u8; 12];
    Some(stream.read_exact(&mut status).is_ok() && &status == b"HTTP/1.1 200")
}

fn exposure(config: &Config) -> Finding {
    let mode = config.registration_mode();
    if config.is_loopback_only() && config.public_url.is_none() {
        return Good(format!("only this machine can connect; registration is {mode}"));
    }
    if config.server_name().as_str() == "localhost" {
        return Warning(
            "others can connect, but the server is called localhost: set server_name before anybody \
                        registers, for it can never change"
                .into(),
        );
    }
    if config.public_url.as_ref().is_none_or(|url| url.starts_with("http://")) {
        return Warning(
            "others can connect, but public_url is not an https address: put a reverse proxy with TLS in \
                        front and set public_url to its address"
                .into(),
        );
    }
    if mode == RegistrationMode::Open {
        return Warning(
            "everybody who can connect may register: registration.mode = \"token\" asks for a token".into(),
        );
    }
    Good(format!("others can connect; registration is {mode}"))
}
