//! Answers that hold all members of a large room. They are sent as they are read: an answer of fifty megabytes is never
//! whole in memory, and the database does not wait for a client that takes its time.

use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use im2_chat::rooms::{StoredMember, StoredMembers};

use im2_edge::{
    body::{json_bytes, streamed},
    error::ApiResult,
};

/// Answers with `head`, the members as `write` writes them, and `tail`.
pub(super) async fn respond<W>(
    head: Vec<u8>,
    mut members: StoredMembers,
    write: W,
    tail: &'static [u8],
) -> ApiResult<Response>
where
    W: Fn(&mut Vec<u8>, &StoredMember<'_>) -> bool + Clone + Send + Sync + 'static,
{
    // The first page is read now, so that what fails at once is an error rather than half an answer.
    let mut first = members.write_page(head, &write).await?;
    if members.is_finished() {
        first.extend_from_slice(tail);
        return Ok(json_bytes(first));
    }
    let rest = move |(mut members, ready, write): (StoredMembers, Option<Vec<u8>>, W)| async move {
        let mut page = ready.unwrap_or_default();
        while page.is_empty() {
            if members.is_finished() {
                return Ok(None);
            }
            let failed = |error: &im2_core::Error| tracing::error!(%error, "a list of members broke off");
            page = members.write_page(page, &write).await.inspect_err(failed)?;
            if members.is_finished() {
                page.extend_from_slice(tail);
            }
        }
        Ok::<_, im2_core::Error>(Some((Bytes::from(page), (members, None, write))))
    };
    Ok(json_bytes(streamed(stream::try_unfold((members, Some(first), write), rest))))
}
