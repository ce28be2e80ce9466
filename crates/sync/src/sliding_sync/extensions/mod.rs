//! The extensions: data beside rooms' events, each sent if the client asks for it (MSC3884, MSC3885, MSC3959, MSC3960,
//! MSC3961).

mod account_data;
mod e2ee;
mod receipts;
mod thread_subscriptions;
mod threads;
mod to_device;
mod typing;

use std::collections::HashSet;

use im2_core::Result;
use im2_kernel::content::Membership;
use im2_model::RoomNid;

use super::{Answering, Answers, listing::Matched, object::Object, request::InRooms, sent::Delta};

/// The extensions of one answer.
pub(super) struct Extensions {
    pub(super) body: Object,
    /// Whether there is anything that ends a wait.
    pub(super) has_news: bool,
}

impl Answering<'_> {
    pub(super) async fn extensions(
        &self,
        matched: &[Matched],
        answers: &Answers<'_>,
        delta: &mut Delta,
    ) -> Result<Extensions> {
        let mut body = Object::new();
        let mut has_news = false;
        let wanted = &self.request.extensions;
        if wanted.to_device.enabled == Some(true) {
            let (messages, is_empty) = self.to_device(&wanted.to_device).await?;
            has_news |= !is_empty;
            body.object("to_device", messages);
        }
        if wanted.e2ee.enabled == Some(true) {
            has_news |= !self.changes.keys.is_empty();
            body.object("e2ee", self.e2ee().await?);
        }
        if wanted.account_data.enabled == Some(true) {
            let scope = scope(&wanted.account_data, matched);
            let data = self.account_data(&scope, delta).await?;
            has_news |= !data.is_empty();
            body.object("account_data", data);
        } else {
            self.miss_account_data(self.changes.account_data.iter().filter_map(|change| change.room), delta);
        }
        if wanted.receipts.enabled == Some(true) {
            let scope = joined(scope(&wanted.receipts, matched));
            let rooms = self.receipts(&scope, answers, delta).await?;
            has_news |= !rooms.is_empty();
            body.object("receipts", in_rooms(rooms));
        } else {
            self.miss_receipts(&[], delta);
        }
        if wanted.typing.enabled == Some(true) {
            let scope = joined(scope(&wanted.typing, matched));
            let rooms = self.typing(&scope, answers).await?;
            has_news |= !rooms.is_empty();
            body.object("typing", in_rooms(rooms));
        }
        if wanted.thread_subscriptions.enabled == Some(true) {
            let threads = self.thread_subscriptions(&wanted.thread_subscriptions, delta).await?;
            has_news |= !threads.is_empty();
            body.object("io.element.msc4308.thread_subscriptions", threads);
        }
        if wanted.threads.enabled == Some(true) {
            let threads = self.threads(&wanted.threads, answers, delta).await?;
            has_news |= !threads.is_empty();
            body.object("io.element.msc4360.threads", threads);
        }
        Ok(Extensions { body, has_news })
    }
}

fn in_rooms(rooms: Object) -> Object {
    let mut object = Object::new();
    object.object("rooms", rooms);
    object
}

/// The rooms that an extension is asked for.
fn scope<'a>(wanted: &InRooms, matched: &'a [Matched]) -> Vec<&'a Matched> {
    let is_one = |names: &Option<Vec<String>>, name: &str| {
        names.as_ref().is_none_or(|names| names.iter().any(|one| one == "*" || one == name))
    };
    let includes = |matched: &&Matched| {
        matched.lists.iter().any(|list| is_one(&wanted.lists, list))
            || (matched.is_subscribed && is_one(&wanted.rooms, matched.candidate.summary.id.as_str()))
    };
    matched.iter().filter(includes).collect()
}

fn joined(mut scope: Vec<&Matched>) -> Vec<&Matched> {
    scope.retain(|matched| matched.candidate.membership.membership == Membership::Join);
    scope
}

fn rooms_of(scope: &[&Matched]) -> HashSet<RoomNid> {
    scope.iter().map(|matched| matched.candidate.room).collect()
}
