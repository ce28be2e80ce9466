//! The filters of lists: whether a room belongs to a list.

use std::collections::HashSet;

use im2_chat::{
    account_data::TagsAndDirect,
    rooms::{RoomMembership, RoomSummary},
};
use im2_core::{Result, session::Session};
use im2_kernel::content::Membership;
use im2_model::{RoomId, fold_term};
use serde_json::Value;

use super::{SlidingSync, request::Filters};

/// A list's filter with what it takes to apply it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filter {
    filters: Filters,
    /// The part of a name, folded.
    name: Option<String>,
    /// The rooms that the spaces have which the filter names.
    children: Option<HashSet<RoomId>>,
}

impl SlidingSync {
    pub(super) async fn filter(&self, session: &Session, filters: &Filters) -> Result<Filter> {
        let name = filters.room_name_like.as_deref().map(fold_term);
        let children = match &filters.spaces {
            Some(spaces) => Some(self.children(session, spaces).await?),
            None => None,
        };
        Ok(Filter { filters: filters.clone(), name, children })
    }

    /// The rooms that spaces which the user is in have as children.
    async fn children(&self, session: &Session, spaces: &[String]) -> Result<HashSet<RoomId>> {
        let mut children = HashSet::new();
        for space in spaces.iter().filter_map(|space| RoomId::parse(space).ok()) {
            let Some(space) = self.rooms.find(&space).await? else { continue };
            let view = space.view();
            if view.joined.contains_key(&session.user) {
                let links = view.state.of_kind("m.space.child");
                let links = links.filter(|(_, event)| has_via(event.pdu.content_json()));
                children.extend(links.filter_map(|(room, _)| RoomId::parse(room).ok()));
            }
        }
        Ok(children)
    }
}

/// Whether the content of an `m.space.child` makes a child: without `via` it does not (any more).
fn has_via(content: &str) -> bool {
    let content: Value = serde_json::from_str(content).unwrap_or_default();
    content.get("via").is_some_and(Value::is_array)
}

impl Filter {
    /// Whether a room passes that the user is `membership` to and sorts by `labels`.
    pub(super) fn passes(&self, summary: &RoomSummary, membership: &RoomMembership, labels: &TagsAndDirect) -> bool {
        let filters = &self.filters;
        let is_dm = labels.direct.contains(&summary.id);
        let is_invite = membership.membership == Membership::Invite;
        // What a room is called now is nothing for those who have left it.
        let knows_name = !matches!(membership.membership, Membership::Leave | Membership::Ban);
        let tags = labels.tags.get(&summary.room).map_or(&[][..], Vec::as_slice);
        let has_any = |wanted: &[String]| wanted.iter().any(|tag| tags.iter().any(|one| **one == **tag));
        filters.is_dm.is_none_or(|wanted| wanted == is_dm)
            && filters.is_invited.is_none_or(|wanted| wanted == is_invite)
            && !filters.not_tags.as_deref().is_some_and(has_any)
            && filters.tags.as_deref().is_none_or(has_any)
            && self.children.as_ref().is_none_or(|children| children.contains(&summary.id))
            && summary.about(|about| {
                let is_one_of =
                    |types: &[Option<String>]| types.iter().any(|one| one.as_deref() == about.room_type.as_deref());
                filters.is_encrypted.is_none_or(|wanted| wanted == about.encrypted)
                    && filters.room_types.as_deref().is_none_or(is_one_of)
                    && !filters.not_room_types.as_deref().is_some_and(is_one_of)
                    && self
                        .name
                        .as_deref()
                        .is_none_or(|part| knows_name && about.name.as_deref().is_some_and(|name| name.contains(part)))
            })
    }
}
