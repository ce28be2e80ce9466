//! A user's labels for rooms: direct chats (`m.direct`) and tags (`m.tag`).

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use im2_core::{
    Result,
    memory::{Cache, Memory, Share},
};
use im2_model::{RoomId, RoomNid, UserNid};
use serde_json::{Map, Value};

use super::{AccountData, DIRECT, TAGS, tags_in};

/// Estimated memory for a direct chat or a tagged room, in bytes.
const LABELLED: usize = 160;

/// The labels of one user's rooms.
#[derive(Debug, Default)]
pub struct TagsAndDirect {
    /// The rooms in `m.direct`.
    pub direct: HashSet<RoomId>,
    /// The tags of each room that has any.
    pub tags: HashMap<RoomNid, Vec<Box<str>>>,
}

/// The labels in memory.
pub(super) type Cached = Cache<UserNid, Arc<TagsAndDirect>>;

pub(crate) fn cache(memory: &Memory) -> Cached {
    Cache::new(memory, "room_labels", Share::ThirtySecond, |_, labels: &Arc<TagsAndDirect>| {
        LABELLED * (labels.direct.len() + labels.tags.len())
    })
}

impl AccountData {
    /// The labels of the user's rooms. The same value as long as nothing changes.
    pub async fn tags_and_direct(&self, user: UserNid) -> Result<Arc<TagsAndDirect>> {
        let load = async {
            let (direct, tags) = self
                .core
                .store
                .read(move |db| Ok((db.account_data(user, None, DIRECT)?, db.account_data_of_rooms(user, TAGS)?)))
                .await?;
            let tags = tags.into_iter().filter_map(|(room, content)| {
                let tags: Vec<Box<str>> = tags_in(Some(&content)).into_iter().map(|(tag, _)| tag.into()).collect();
                (!tags.is_empty()).then_some((room, tags))
            });
            let direct = direct.as_deref().map(direct_in).unwrap_or_default();
            Ok(Arc::new(TagsAndDirect { direct, tags: tags.collect() }))
        };
        // A commit that removes the entry while it loads also drops what was loaded.
        self.labels.get_or_insert_async(&user, load).await
    }
}

/// The rooms in the content of `m.direct`. What a client stored in another shape counts as none.
fn direct_in(content: &str) -> HashSet<RoomId> {
    let content: Map<String, Value> = serde_json::from_str(content).unwrap_or_default();
    let rooms = content.values().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    rooms.filter_map(|room| RoomId::parse(room).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::direct_in;

    #[test]
    fn what_is_not_a_list_of_rooms_is_no_direct_chat() {
        let content = r#"{ "@ben:x": ["!a:x", 5, "no room"], "@eve:x": "!b:x", "nobody": ["!c:x"] }"#;
        let mut found: Vec<_> = direct_in(content).into_iter().map(|room| room.to_string()).collect();
        found.sort();
        assert_eq!(found, ["!a:x", "!c:x"]);
        assert!(direct_in("[]").is_empty());
    }
}
