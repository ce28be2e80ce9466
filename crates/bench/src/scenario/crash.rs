//! `crash`: kills the server under load, starts it again, and checks that everything acknowledged is there once.
//!
//! A send that was not answered is repeated with its transaction id until it is, as clients do; so a message may be
//! stored before a crash and acknowledged after it, and still has to be there once only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::Method;
use tokio::task::JoinSet;

use super::progress;
use super::sends::{create_rooms, verify};
use super::start::Server;
use crate::args::CrashOptions;
use crate::client::Connection;
use crate::matrix::{Session, call, failure, new_run, register_all, send_path};
use crate::report::{Errors, Report, millis};
use crate::stats::Latencies;
use crate::target::Target;
use crate::wire::{Marker, SendAnswer};

const USERS: usize = 4;
/// How long one message is repeated before the server is given up.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug)]
struct Load {
    run: String,
    paths: Vec<String>,
    next: AtomicU64,
    over: AtomicBool,
}

#[derive(Debug, Default)]
struct Work {
    acknowledged: Vec<(usize, String)>,
    /// Messages that needed more than one request.
    repeated: u64,
    errors: Errors,
}

/// Kills, restarts and verifies.
pub async fn run(target: &Target, options: &CrashOptions) -> Result<Report> {
    let run = new_run();
    let (mut server, _) = Server::start(target, &options.server).await?;
    let sessions = register_all(target, &run, "crash", USERS).await?;
    let rooms = create_rooms(target, &sessions, options.rooms as usize).await?;
    let load = Arc::new(Load {
        run: run.clone(),
        paths: rooms.iter().map(|room| send_path(room)).collect(),
        next: AtomicU64::new(0),
        over: AtomicBool::new(false),
    });
    let mut workers = JoinSet::new();
    for index in 0..options.outstanding as usize {
        let session = sessions[index % USERS].clone();
        workers.spawn(send_until_over(Arc::clone(&load), target.connect(), session));
    }

    let seconds = Duration::from_secs(options.seconds.into());
    let mut ready = Latencies::default();
    for kill in 1..=options.kills {
        tokio::time::sleep(seconds).await;
        progress(format_args!("crash: kill {kill} of {}", options.kills));
        drop(server);
        let (restarted, after) = Server::start(target, &options.server).await.context("after a kill")?;
        server = restarted;
        ready.record(after);
    }
    tokio::time::sleep(seconds).await;
    load.over.store(true, Ordering::Relaxed);
    let work = gather(workers).await?;
    let outcome = verify(target, &sessions, &rooms, &run, work.acknowledged).await?;
    drop(server);

    let settings = format!(
        "`{}`, {} kills, {} rooms, {} outstanding",
        options.server.command.join(" "),
        options.kills,
        options.rooms,
        options.outstanding
    );
    let mut report = Report::new(&target.name, "crash", settings);
    report.count("verified messages", outcome.acknowledged);
    report.count("repeated sends", work.repeated);
    report.must_be_zero("lost", outcome.lost);
    report.must_be_zero("duplicated", outcome.duplicated);
    report.must_be_zero("stored though never acknowledged", outcome.unacknowledged);
    report.errors(&work.errors);
    let ready = ready.summary();
    report.lower("ready again after p50", "ms", millis(ready.p50));
    report.lower("ready again after max", "ms", millis(ready.max));
    Ok(report)
}

async fn gather(mut workers: JoinSet<Work>) -> Result<Work> {
    let mut work = Work::default();
    while let Some(done) = workers.join_next().await {
        let done = done.context("a worker failed")?;
        work.acknowledged.extend(done.acknowledged);
        work.repeated += done.repeated;
        work.errors.merge(&done.errors);
    }
    Ok(work)
}

async fn send_until_over(load: Arc<Load>, mut connection: Connection, session: Session) -> Work {
    let mut work = Work::default();
    while !load.over.load(Ordering::Relaxed) {
        let sequence = load.next.fetch_add(1, Ordering::Relaxed);
        let room = (sequence % load.paths.len() as u64) as usize;
        let path = Bytes::from(format!("{}{}-{sequence}", load.paths[room], load.run));
        let content = Bytes::from(Marker { run: &load.run, sequence }.content(80));
        let began = Instant::now();
        let mut requests = 0_u32;
        loop {
            requests += 1;
            let request = call(Method::PUT, path.clone(), Some(&session), content.clone());
            let problem = match connection.call(&request).await {
                Ok(answer) if answer.status == 200 => match serde_json::from_slice::<SendAnswer<'_>>(&answer.body) {
                    Ok(SendAnswer { event_id }) => {
                        work.acknowledged.push((room, event_id.0.into_owned()));
                        break;
                    }
                    Err(_) => "200 without an event id".to_owned(),
                },
                // A server that is going down or coming up may say so; anything else is an error of its own.
                Ok(answer) if matches!(answer.status, 502..=504) => failure(&answer),
                Ok(answer) => {
                    work.errors.record(&failure(&answer));
                    break;
                }
                Err(error) => error.to_string(),
            };
            if began.elapsed() > PATIENCE {
                work.errors.record(&problem);
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        // One of them may have been repeated inside the connection, which is the same to the server.
        work.repeated += u64::from(requests > 1);
    }
    work
}
