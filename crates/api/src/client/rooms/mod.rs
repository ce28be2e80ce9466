//! Rooms (spec: "Rooms", "Events", "Room membership").

mod aliases;
mod context;
mod create;
mod directory;
mod events;
mod members;
mod membership;
mod relations;
mod send;
mod spaces;
mod state;
mod upgrade;

use im2_engine::{
    rooms::{Actor, Bundles, Direction, Form, Reader, RoomEvent, Viewer, write_event},
    session::Session,
};

use serde::Deserialize;

use crate::{Api, routes::Routes};

/// `dir`: which way to walk the timeline.
#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq)]
enum DirectionName {
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
        .merge(members::routes())
        .merge(membership::routes())
        .merge(relations::routes())
        .merge(send::routes())
        .merge(spaces::routes())
        .merge(state::routes())
        .merge(upgrade::routes())
}

/// The user of a session as one who acts on rooms.
fn actor(session: &Session) -> Actor {
    Actor::from(session)
}

/// Writes events for the user of a session.
struct Writer<'a> {
    viewer: Viewer<'a>,
    reader: &'a Reader,
    bundles: Bundles,
}

impl<'a> Writer<'a> {
    fn new(api: &'a Api, session: &'a Session, reader: &'a Reader, bundles: Bundles) -> Self {
        let core = &api.engine.core;
        let viewer =
            Viewer { user: session.user, device: Some(&session.device_id), now: core.now(), erased: &core.erased };
        Self { viewer, reader, bundles }
    }

    fn write(&self, out: &mut Vec<u8>, event: &RoomEvent) {
        let membership = Some(self.reader.membership_at(event));
        write_event(out, event, Form::Full, &self.viewer, membership, &self.bundles);
    }
}
