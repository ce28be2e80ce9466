//! The view that an answer's lists were made from: as long as a connection asks for the same, its next answer only has
//! to look at rooms that have changed and at those that came into sight or went out of it.

use std::collections::{HashMap, HashSet};

use im2_model::{RoomId, RoomNid};

use super::{
    places::Window,
    request::{Dialect, InRooms, RoomConfig, SlidingRequest},
};

/// The lists of one answer.
#[derive(Debug)]
pub(super) struct View {
    pub(super) asked: Asked,
    /// The window of each list, in the order of the request.
    pub(super) windows: Vec<Window>,
    /// Rooms that belong to the lists of this connection only: the client knows them, and the user has left them.
    pub(super) strays: HashSet<RoomNid>,
    /// The rooms subscribed to.
    pub(super) subscribed: HashMap<RoomId, RoomNid>,
}

/// The request without ranges and subscriptions: if it is the same as before, a room that stayed in sight and has not
/// changed has nothing to tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    dialect: Dialect,
    lists: Vec<AskedList>,
    /// The extensions that are about rooms.
    extensions: [InRooms; 3],
}

#[derive(Debug, PartialEq, Eq)]
struct AskedList {
    name: String,
    config: RoomConfig,
    /// The epoch of its ranking, which stands for its filter.
    epoch: u64,
}

impl Asked {
    /// The comparable part of `request`, whose lists are made from rankings of these epochs.
    pub(super) fn new(request: &SlidingRequest, epochs: impl Iterator<Item = u64>) -> Self {
        let lists = request.lists.iter().zip(epochs);
        let lists =
            lists.map(|((name, list), epoch)| AskedList { name: name.clone(), config: list.config.clone(), epoch });
        let extensions = &request.extensions;
        Self {
            dialect: request.dialect,
            lists: lists.collect(),
            extensions: [&extensions.account_data, &extensions.receipts, &extensions.typing].map(Clone::clone),
        }
    }
}
