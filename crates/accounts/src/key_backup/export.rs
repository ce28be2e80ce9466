//! Keys that go out: a backup's, written as JSON page by page.

use std::sync::Arc;

use im2_core::{Code, Core, Error, Result, session::Session};
use im2_fair::{Bounds, Caller, Turns, caller};
use im2_store::key_backup::{BackedUpSession, ListedSession, SessionPlace};

use super::{KeyBackups, raw};
use serde_json::value::RawValue;

/// Keys read at once: about half a megabyte of what clients usually upload.
const PAGE: usize = 500;

/// Pages of backups that are written at the same time. A whole one is many megabytes.
pub(crate) const BOUNDS: Bounds = Bounds {
    // As many as there are users who ask: one a user is what bounds them.
    running: 1_024,
    running_per_key: 1,
    running_per_target: usize::MAX,
    waiting: 16_384,
    // Clients ask for the keys of a room as it is opened.
    waiting_per_key: 128,
};

/// The keys of a backup, or of one of its rooms, on their way to the client.
#[derive(Debug)]
pub struct Export {
    core: Core,
    backup: i64,
    /// The only room that is wanted, if not all are.
    room: Option<Arc<str>>,
    /// The last key that was written.
    last: Option<(String, String)>,
    /// The first page, until it is written.
    first: Option<Vec<ListedSession>>,
    is_finished: bool,
    exports: Arc<Turns>,
    /// The user, whose turn it is also when the body is read beside the request.
    caller: Caller,
}

impl KeyBackups {
    /// The key of one session, as a JSON object.
    pub async fn session(
        &self,
        session: &Session,
        version: &str,
        room_id: String,
        session_id: String,
    ) -> Result<Box<RawValue>> {
        let backup = self.find(session, version).await?.nid;
        let read = move |db: &im2_store::Snapshot<'_>| {
            db.backed_up_session(SessionPlace { backup, room_id: &room_id, session_id: &session_id })
        };
        let found = self.core.store.read(read).await?;
        let found = found.ok_or_else(|| Error::refused(Code::NotFound, "this key is not in the backup"))?;
        let mut text = Vec::new();
        write_session(&mut text, &found);
        raw(String::from_utf8_lossy(&text).into_owned())
    }

    /// The keys of a backup, or of one of its rooms.
    pub async fn export(&self, session: &Session, version: &str, room: Option<String>) -> Result<Export> {
        let backup = self.find(session, version).await?.nid;
        let mut export = Export {
            core: self.core.clone(),
            backup,
            room: room.map(Into::into),
            last: None,
            first: None,
            is_finished: false,
            exports: Arc::clone(&self.exports),
            caller: caller::current(),
        };
        // The first page is read now, so that what fails at once is an error rather than half an answer.
        let _turn = self.exports.take().await?;
        export.first = Some(export.read(None).await?);
        Ok(export)
    }
}

impl Export {
    /// The next piece of the answer; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.is_finished {
            return Ok(None);
        }
        caller::scope(self.caller, self.page()).await.map(Some)
    }

    async fn page(&mut self) -> Result<Vec<u8>> {
        let page = if let Some(first) = self.first.take() {
            first
        } else {
            // After a failure there is nothing more to come.
            self.is_finished = true;
            // For this page only: who reads slowly keeps nothing from the user's other devices. The answer has begun
            // and cannot be refused any more.
            let _turn = self.exports.take_next().await?;
            self.read(self.last.clone()).await?
        };
        let mut out = Vec::new();
        if self.last.is_none() {
            out.extend_from_slice(if self.room.is_some() { b"{\"sessions\":{" } else { b"{\"rooms\":{" });
        }
        self.is_finished = page.len() < PAGE;
        for listed in page {
            self.write(&mut out, listed);
        }
        if self.is_finished {
            let is_in_room = self.room.is_none() && self.last.is_some();
            out.extend_from_slice(if is_in_room { b"}}}}" } else { b"}}" });
        }
        Ok(out)
    }

    fn write(&mut self, out: &mut Vec<u8>, listed: ListedSession) {
        let ListedSession { room_id, session_id, session } = listed;
        let last_room = self.last.as_ref().map(|(room_id, _)| room_id);
        if last_room == Some(&room_id) || (self.room.is_some() && last_room.is_some()) {
            out.push(b',');
        } else if self.room.is_none() {
            if last_room.is_some() {
                out.extend_from_slice(b"}},");
            }
            write_key(out, &room_id);
            out.extend_from_slice(b"{\"sessions\":{");
        }
        write_key(out, &session_id);
        write_session(out, &session);
        self.last = Some((room_id, session_id));
    }

    async fn read(&self, after: Option<(String, String)>) -> Result<Vec<ListedSession>> {
        let (backup, room) = (self.backup, self.room.clone());
        let read = move |db: &im2_store::Snapshot<'_>| {
            let (last_room, session_id) = after.as_ref().map_or(("", ""), |(room, session)| (room, session));
            match &room {
                Some(room_id) => db.backed_up_sessions_of_room(SessionPlace { backup, room_id, session_id }, PAGE),
                None => db.backed_up_sessions(SessionPlace { backup, room_id: last_room, session_id }, PAGE),
            }
        };
        Ok(self.core.store.read(read).await?)
    }
}

fn write_key(out: &mut Vec<u8>, key: &str) {
    drop(serde_json::to_writer(&mut *out, key)); // writing to a vector cannot fail
    out.push(b':');
}

fn write_session(out: &mut Vec<u8>, session: &BackedUpSession) {
    let BackedUpSession { first_message_index, forwarded_count, is_verified, session_data } = session;
    let text = format!(
        "{{\"first_message_index\":{first_message_index},\"forwarded_count\":{forwarded_count},\
         \"is_verified\":{is_verified},\"session_data\":{session_data}}}"
    );
    out.extend_from_slice(text.as_bytes());
}
