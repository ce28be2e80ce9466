//! Rooms (spec: "Rooms", "Events", "Room membership").

mod aliases;
pub(crate) mod context;
mod create;
mod directory;
pub(crate) mod events;
mod initial_sync;
mod member_list;
mod members;
mod membership;
mod relations;
mod send;
pub(crate) mod spaces;
mod state;
mod upgrade;

use im2_chat::rooms::{Actor, Bundles, Direction, Form, Reader, RoomEvent, StoredMember, Viewer, write_event};
use im2_core::{Code, Error, session::Session};

use im2_model::Millis;
use serde::Deserialize;

use im2_edge::Api;
use im2_edge::routes::Routes;

/// The largest number that events may hold (spec: "Canonical JSON").
const MAX_TS: Millis = (1 << 53) - 1;

/// `dir`: which way to walk the timeline.
#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DirectionName {
    #[serde(rename = "f")]
    Forward,
    #[serde(rename = "b")]
    Backward,
}

impl From<DirectionName> for Direction {
    fn from(name: DirectionName) -> Self {
        match name {
            DirectionName::Forward => Self::Forward,
            DirectionName::Backward => Self::Backward,
        }
    }
}

pub(super) fn routes() -> Routes {
    create::routes()
        .merge(aliases::routes())
        .merge(context::routes())
        .merge(directory::routes())
        .merge(events::routes())
        .merge(initial_sync::routes())
        .merge(members::routes())
        .merge(membership::routes())
        .merge(relations::routes())
        .merge(send::routes())
        .merge(spaces::routes())
        .merge(state::routes())
        .merge(upgrade::routes())
}

/// A parameter that application services may add to a request that makes an event (spec: application service API,
/// "Timestamp massaging"). For others it has no effect.
#[derive(Debug, Deserialize)]
pub(crate) struct Massage {
    ts: Option<String>,
}

impl Massage {
    /// The time that the event is to have, if it is not the present.
    pub(crate) fn ts(&self, session: &Session) -> Result<Option<Millis>, Error> {
        let Some(text) = self.ts.as_deref().filter(|_| session.service.is_some()) else { return Ok(None) };
        let ts = text.parse().ok().filter(|ts| *ts <= MAX_TS);
        let invalid = || Error::refused(Code::InvalidParam, "ts must be a number of milliseconds since 1970");
        ts.ok_or_else(invalid).map(Some)
    }
}

/// The user of a session as one who acts on rooms.
pub(crate) fn actor(session: &Session) -> Actor {
    Actor::from(session)
}

/// Writes events for the user of a session.
pub(crate) struct Writer<'a> {
    viewer: Viewer<'a>,
    reader: &'a Reader,
    bundles: Bundles,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(api: &'a Api, session: &'a Session, reader: &'a Reader, bundles: Bundles) -> Self {
        let viewer = Viewer::of(session, &api.engine.core);
        Self { viewer, reader, bundles }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>, event: &RoomEvent) {
        let membership = self.reader.membership_at(event);
        write_event(out, event, Form::Full, &self.viewer, membership, &self.bundles);
    }

    /// Writes member events that are not in memory.
    pub(crate) fn of_stored(
        &self,
    ) -> impl Fn(&mut Vec<u8>, &StoredMember<'_>) -> bool + Clone + Send + Sync + use<> + 'static {
        let (reader, now) = (self.reader.clone(), self.viewer.now);
        move |out, member| {
            member.write(out, Form::Full, now, reader.membership_then(member.seq()));
            true
        }
    }
}
