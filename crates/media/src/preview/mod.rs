//! URL previews (spec: `GET /media/preview_url`): what a link leads to, fetched by the server so that the reader's
//! address stays private. Off unless the operator wants them: the server then fetches what its users name, which is
//! why [`fetch`] and [`im2_core::outbound`] are as careful as they are.

mod fetch;
#[cfg(test)]
mod fuzz;
mod html;

use std::sync::Arc;

use im2_core::{Code, Error, Result};
use im2_fair::{Bounds, Load, Turn, Turns, caller};
use im2_model::Millis;
use im2_store::media;
use quick_cache::sync::Cache;
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;
use url::Url;

use self::fetch::{Fetched, Fetcher};
use super::Media;

pub use im2_model::address::{Network, NotANetwork};

/// How long a preview is kept.
const KEPT: Millis = 6 * 60 * 60 * 1000;
/// How long it is kept that there is none, so that a page that is down is not asked by every reader of a room.
const KEPT_NOTHING: Millis = 10 * 60 * 1000;
/// Previews that are kept: a few kilobytes each.
const MOST_KEPT: usize = 10_000;
/// Pages fetched at the same time. The target is the host.
const BOUNDS: Bounds = Bounds {
    // What a fetch may hold in memory is 10 MB.
    running: 8,
    // A fetch may take ten seconds, by the will of who posted the link.
    running_per_key: 2,
    running_per_target: 2,
    waiting: 1_024,
    // A timeline full of links.
    waiting_per_key: 64,
};
/// URLs that several may be waiting for at the same time.
const AWAITED: usize = 256;
/// Bytes of a URL. Browsers and servers agree on no more than 2,000 or so.
const MAX_URL: usize = 2_048;

/// Options for previews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The ports that may be fetched from.
    pub ports: Vec<u16>,
    /// Networks that may be fetched from although they are not public: an intranet's pages.
    pub networks: Vec<Network>,
    /// Whether every address may be fetched from, at any port.
    pub anywhere: bool,
}

impl Default for Options {
    /// The ports of HTTP and HTTPS, no networks beyond the public internet.
    fn default() -> Self {
        Self { ports: vec![80, 443], networks: Vec::new(), anywhere: false }
    }
}

/// Makes previews.
#[derive(Debug)]
pub(super) struct Previewer {
    fetcher: Fetcher,
    turns: Turns<String>,
    /// Previews being made: who asks for one of them waits for it instead of fetching as well.
    awaited: Cache<String, Arc<str>>,
}

impl Previewer {
    /// Fetches under way and waiting.
    pub(crate) fn load(&self) -> Load {
        self.turns.load()
    }

    pub(crate) fn new(options: Options) -> Self {
        Self { fetcher: Fetcher::new(options), turns: Turns::new(BOUNDS), awaited: Cache::new(AWAITED) }
    }
}

impl Media {
    /// The preview of a URL: a JSON object, empty if there is nothing to show. `language` is the client's
    /// `Accept-Language`, which a page that is fetched now gets to see.
    pub async fn url_preview(&self, url: &str, language: Option<&str>) -> Result<Arc<str>> {
        let previewer = self.previewer.as_ref();
        let previewer = previewer
            .ok_or_else(|| Error::refused(Code::Unrecognized, "URL previews are switched off on this server"))?;
        let invalid = || Error::refused(Code::InvalidParam, "url must be an http or https URL");
        let mut url = Url::parse(url).ok().filter(|_| url.len() <= MAX_URL).ok_or_else(invalid)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(invalid());
        }
        url.set_fragment(None);
        if let Some(kept) = self.kept_preview(&url).await? {
            return Ok(kept);
        }
        // The turn comes first: who asks for the same as somebody with a backlog does not wait for that backlog.
        let host = url.host_str().map(str::to_owned);
        let turn = previewer.turns.take_for(caller::current(), host).await?;
        let key = url.as_str().to_owned();
        let fetch = self.find_or_fetch(turn, previewer, url, language);
        let preview = previewer.awaited.get_or_insert_async(&key, fetch).await;
        previewer.awaited.remove(&key); // from now on it is in the database
        preview
    }

    async fn kept_preview(&self, url: &Url) -> Result<Option<Arc<str>>> {
        let (key, now) = (url.as_str().to_owned(), self.core.now());
        Ok(self.core.store.read(move |db| db.url_preview(&key, now)).await?.map(Into::into))
    }

    async fn find_or_fetch(
        &self,
        _turn: Turn<String>,
        previewer: &Previewer,
        url: Url,
        language: Option<&str>,
    ) -> Result<Arc<str>> {
        if let Some(kept) = self.kept_preview(&url).await? {
            return Ok(kept);
        }
        let key = url.as_str().to_owned();
        let properties = self.look_at(previewer, url, language).await?;
        let expires = self.core.now() + if properties.is_empty() { KEPT_NOTHING } else { KEPT };
        let preview: Arc<str> = Value::Object(properties).to_string().into();
        let (kept, now) = (Arc::clone(&preview), self.core.now());
        self.core.store.write(move |tx| tx.keep_url_preview(&key, &kept, now, expires, MOST_KEPT)).await?;
        Ok(preview)
    }

    /// Fetches, and makes an object of what came.
    async fn look_at(&self, previewer: &Previewer, url: Url, language: Option<&str>) -> Result<Map<String, Value>> {
        let fetch = |url| async move {
            // Why nothing came is for the operator only: it would tell users what the server can reach.
            let fetched = previewer.fetcher.fetch(url, language).await;
            fetched.unwrap_or_else(|failure| {
                tracing::debug!(%failure, "no preview");
                Fetched::Other
            })
        };
        let (mut properties, picture) = match fetch(url).await {
            Fetched::Page { url, charset, bytes } => {
                let read = move || html::properties(&html::decode(&bytes, charset.as_deref()));
                let mut properties = spawn_blocking(read).await.unwrap_or_default();
                let picture = properties.remove("og:image").and_then(|picture| url.join(&picture).ok());
                let picture = if let Some(picture) = picture { fetch(picture).await } else { Fetched::Other };
                (properties, picture)
            }
            other => (html::Properties::new(), other),
        };
        // What the page says about its picture is about another copy, or about none.
        properties.retain(|name, _| !name.starts_with("og:image"));
        let mut object: Map<_, _> = properties.into_iter().map(|(name, value)| (name, value.into())).collect();
        if let Fetched::Picture { url, bytes } = picture
            && let Some(picture) = self.keep_picture(bytes).await?
        {
            let name = url.path_segments().and_then(Iterator::last).unwrap_or_default();
            object.entry("og:title").or_insert_with(|| name.into());
            object.extend(picture);
        }
        Ok(object)
    }

    /// Stores a picture as media that nobody owns, and describes it. `None` if it is no picture.
    async fn keep_picture(&self, bytes: bytes::Bytes) -> Result<Option<Map<String, Value>>> {
        let size = bytes.len() as u64;
        let placed = self.blobs.put(bytes).await?;
        let Some(measured) = self.measure(placed.digest, size).await? else {
            let digest = placed.digest;
            drop(placed);
            self.delete_unless_used(digest).await?;
            return Ok(None);
        };
        let content = media::Content {
            digest: placed.digest,
            size,
            content_type: Some(measured.content_type.to_owned()),
            filename: None,
        };
        let (fresh, now) = (self.new_media_id(), self.core.now());
        let media_id = self.core.store.write(move |tx| match tx.unowned_media(&content.digest)? {
            Some(media_id) => Ok(media_id),
            None => tx.add_media(&fresh, None, &content, now).map(|()| fresh.clone()),
        });
        let uri = self.uri(&media_id.await?)?;
        drop(placed);
        Ok(Some(Map::from_iter([
            ("og:image".to_owned(), uri.as_str().into()),
            ("og:image:type".to_owned(), measured.content_type.into()),
            ("og:image:width".to_owned(), measured.width.into()),
            ("og:image:height".to_owned(), measured.height.into()),
            ("matrix:image:size".to_owned(), size.into()),
        ])))
    }
}
