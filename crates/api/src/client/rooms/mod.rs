//! Rooms (spec: "Rooms", "Events", "Room membership").

mod create;
mod events;
mod members;
mod membership;
mod send;
mod state;

use im2_engine::{
    rooms::{Actor, Bundles, Form, Reader, RoomEvent, Viewer, write_event},
    session::Session,
};

use crate::{Api, routes::Routes};

pub(super) fn routes() -> Routes {
    create::routes()
        .merge(events::routes())
        .merge(members::routes())
        .merge(membership::routes())
        .merge(send::routes())
        .merge(state::routes())
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
    fn new(api: &Api, session: &'a Session, reader: &'a Reader, bundles: Bundles) -> Self {
        let viewer = Viewer { user: session.user, device: Some(&session.device_id), now: api.engine.core.now() };
        Self { viewer, reader, bundles }
    }

    fn write(&self, out: &mut Vec<u8>, event: &RoomEvent) {
        let membership = Some(self.reader.membership_at(event));
        write_event(out, event, Form::Full, &self.viewer, membership, &self.bundles);
    }
}
