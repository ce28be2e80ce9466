//! The content repository (spec: "Content repository"): uploads, downloads, thumbnails, URL previews.
//!
//! The unauthenticated downloads of old are frozen, as the specification asks: everything here was uploaded after the
//! freeze, so they find nothing. To whoever shows an access token all the same they are the downloads of today.

mod disposition;
mod serve;

use std::time::Duration;

use axum::{
    body::Body,
    extract::Request,
    handler::Handler as _,
    middleware::{Next, from_fn},
    response::Response,
};
use futures_util::StreamExt as _;
use http::{HeaderMap, Method, header};
use im2_core::{Code, session::Session};
use im2_media::{
    Upload, UploadInfo,
    thumbnail::{self, Method as Fit},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use im2_edge::{Api, State};
use im2_edge::{
    auth::{User, Waiting},
    body::{Answer, OptionalJson, Params, QueryParams, empty, json_bytes},
    error::{ApiError, ApiResult},
    limits::{Class, count_more},
    routes::{Access, Routes},
    token::access_token,
};

/// How long a download waits for content that is still to come, unless the client says.
const DEFAULT_WAIT_MS: u64 = 20_000;
/// How long an upload may send nothing at all before it is given up.
const UPLOAD_IDLE: Duration = Duration::from_secs(60);

pub(super) fn routes() -> Routes {
    let old = from_fn(old_path);
    Routes::default()
        .get("/_matrix/client/v1/media/config", Access::User, config)
        .get("/_matrix/media/v3/config", Access::User, config)
        .post("/_matrix/media/v3/upload", Access::User, upload)
        .limited(Class::Upload)
        .post("/_matrix/media/v1/create", Access::User, create)
        .limited(Class::Upload)
        .put("/_matrix/media/v3/upload/{serverName}/{mediaId}", Access::User, upload_to)
        .limited(Class::Upload)
        .get("/_matrix/client/v1/media/download/{serverName}/{mediaId}", Access::User, download)
        .limited(Class::Media)
        .get("/_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName}", Access::User, download_as)
        .limited(Class::Media)
        .get("/_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}", Access::User, get_thumbnail)
        .limited(Class::Thumbnail)
        .get("/_matrix/client/v1/media/preview_url", Access::User, preview_url)
        .limited(Class::Upload)
        .get("/_matrix/media/v3/preview_url", Access::User, preview_url)
        .limited(Class::Upload)
        .get("/_matrix/media/v3/download/{serverName}/{mediaId}", Access::Public, download.layer(old.clone()))
        .get(
            "/_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}",
            Access::Public,
            download_as.layer(old.clone()),
        )
        .get("/_matrix/media/v3/thumbnail/{serverName}/{mediaId}", Access::Public, get_thumbnail.layer(old))
}

async fn config(axum::extract::State(api): State, User(_): User) -> Answer<Value> {
    Answer(json!({ "m.upload.size": api.engine.media.options().max_upload_bytes }))
}

#[derive(Deserialize)]
struct UploadQuery {
    filename: Option<String>,
}

async fn upload(
    axum::extract::State(api): State,
    User(session): User,
    QueryParams(query): QueryParams<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Answer<Value>> {
    let info = upload_info(query, &headers);
    let bytes = UploadedBytes::announced(&api, &session, info.length)?;
    let upload = api.engine.media.upload(session.user, info).await?;
    let uri = receive(upload, body, &bytes).await?;
    Ok(Answer(json!({ "content_uri": uri })))
}

async fn create(
    axum::extract::State(api): State,
    User(session): User,
    OptionalJson(_): OptionalJson<Map<String, Value>>,
) -> ApiResult<Answer<Value>> {
    let promise = api.engine.media.create(session.user).await?;
    Ok(Answer(json!({ "content_uri": promise.uri, "unused_expires_at": promise.expires })))
}

async fn upload_to(
    axum::extract::State(api): State,
    User(session): User,
    Params((server_name, media_id)): Params<(String, String)>,
    QueryParams(query): QueryParams<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Response> {
    let info = upload_info(query, &headers);
    let bytes = UploadedBytes::announced(&api, &session, info.length)?;
    let upload = api.engine.media.upload_to(session.user, &server_name, &media_id, info).await?;
    receive(upload, body, &bytes).await?;
    Ok(empty())
}

fn upload_info(query: UploadQuery, headers: &HeaderMap) -> UploadInfo {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    UploadInfo {
        content_type: text(header::CONTENT_TYPE).map(str::to_owned),
        filename: query.filename,
        length: text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
    }
}

/// Counts the bytes of an upload against the user's limit as they come, so that an upload that breaks off costs no more
/// than the bytes that came.
struct UploadedBytes<'a> {
    api: &'a Api,
    session: &'a Session,
}

impl<'a> UploadedBytes<'a> {
    /// Refuses an upload that announces more than there is left.
    fn announced(api: &'a Api, session: &'a Session, length: Option<u64>) -> ApiResult<Self> {
        if session.is_rate_limited() {
            api.engine.core.limits.check_of(Class::UploadBytes, session.user, length.unwrap_or(1))?;
        }
        Ok(Self { api, session })
    }

    fn count(&self, length: usize) -> ApiResult<()> {
        count_more(self.api, self.session, Class::UploadBytes, length as u64)
    }
}

/// Passes the body on piece by piece.
async fn receive(mut upload: Upload, body: Body, bytes: &UploadedBytes<'_>) -> ApiResult<im2_model::MxcUri> {
    let mut pieces = body.into_data_stream();
    let broken = |why| ApiError::new(Code::Unknown, why);
    loop {
        let piece = tokio::time::timeout(UPLOAD_IDLE, pieces.next());
        match piece.await.map_err(|_| broken("the upload timed out"))? {
            Some(piece) => {
                let piece = piece.map_err(|_| broken("the upload was interrupted"))?;
                bytes.count(piece.len())?;
                upload.write(&piece).await?;
            }
            None => return Ok(upload.finish().await?),
        }
    }
}

#[derive(Deserialize)]
struct DownloadQuery {
    timeout_ms: Option<u64>,
}

fn wait(timeout_ms: Option<u64>) -> Duration {
    Duration::from_millis(timeout_ms.unwrap_or(DEFAULT_WAIT_MS))
}

async fn download(
    state: State,
    waiting: Waiting,
    Params((server_name, media_id)): Params<(String, String)>,
    query: QueryParams<DownloadQuery>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    find_and_serve(state, waiting, (server_name, media_id, None), query, &method, &headers).await
}

async fn download_as(
    state: State,
    waiting: Waiting,
    Params((server_name, media_id, filename)): Params<(String, String, String)>,
    query: QueryParams<DownloadQuery>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    find_and_serve(state, waiting, (server_name, media_id, Some(filename)), query, &method, &headers).await
}

async fn find_and_serve(
    axum::extract::State(api): State,
    waiting: Waiting,
    (server_name, media_id, filename): (String, String, Option<String>),
    QueryParams(query): QueryParams<DownloadQuery>,
    method: &Method,
    headers: &HeaderMap,
) -> ApiResult<Response> {
    refuse_to_be_run(headers)?;
    let media = &api.engine.media;
    let content = waiting.unless_ended(&api, media.content(&server_name, &media_id, wait(query.timeout_ms))).await?;
    let content_type = content.content_type.as_deref().unwrap_or("application/octet-stream");
    let filename = filename.or(content.filename);
    let served = serve::Served {
        digest: content.digest,
        size: content.size,
        content_type,
        disposition: disposition::of_download(content_type, filename.as_deref()),
    };
    serve::serve(media, served, method, headers).await
}

/// Refuses to give uploads to a browser that would run them, as a script, a style or a worker: nobody can upload any of
/// this server's own. Browsers say what something is for where they trust the connection.
fn refuse_to_be_run(headers: &HeaderMap) -> ApiResult<()> {
    let destination = headers.get("sec-fetch-dest").and_then(|value| value.to_str().ok());
    let is_for_show = ["audio", "document", "empty", "embed", "frame", "iframe", "image", "object", "track", "video"];
    if destination.is_none_or(|destination| is_for_show.contains(&destination)) {
        return Ok(());
    }
    Err(ApiError::new(Code::Forbidden, "uploads are shown or saved, not run"))
}

#[derive(Deserialize)]
struct ThumbnailQuery {
    width: Option<u32>,
    height: Option<u32>,
    method: Option<String>,
    animated: Option<bool>,
    timeout_ms: Option<u64>,
}

async fn get_thumbnail(
    axum::extract::State(api): State,
    waiting: Waiting,
    Params((server_name, media_id)): Params<(String, String)>,
    QueryParams(query): QueryParams<ThumbnailQuery>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (Some(width), Some(height)) = (query.width, query.height) else {
        return Err(ApiError::new(Code::MissingParam, "width and height are required"));
    };
    let fit = query.method.as_deref().map_or(Some(Fit::Scale), Fit::parse);
    let fit = fit.ok_or_else(|| ApiError::new(Code::InvalidParam, "method must be crop or scale"))?;
    let request = thumbnail::Request { width, height, method: fit, animated: query.animated.unwrap_or(false) };
    let media = &api.engine.media;
    let payer = Some(waiting.session.user).filter(|_| waiting.session.is_rate_limited());
    let thumbnail = media.thumbnail(payer, &server_name, &media_id, request, wait(query.timeout_ms));
    let thumbnail = waiting.unless_ended(&api, thumbnail).await?;
    let served = serve::Served {
        digest: thumbnail.digest,
        size: thumbnail.size,
        content_type: &thumbnail.content_type,
        disposition: disposition::of_thumbnail(&thumbnail.content_type),
    };
    serve::serve(media, served, &method, &headers).await
}

#[derive(Deserialize)]
struct PreviewQuery {
    url: Option<String>,
    /// The preferred time of the preview. Only the newest is kept, which the specification allows.
    #[serde(rename = "ts")]
    _ts: Option<i64>,
}

async fn preview_url(
    axum::extract::State(api): State,
    User(_): User,
    QueryParams(query): QueryParams<PreviewQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let url = query.url.ok_or_else(|| ApiError::new(Code::MissingParam, "url is required"))?;
    let language = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let preview = api.engine.media.url_preview(&url, language).await?;
    Ok(json_bytes(preview.as_bytes().to_vec()))
}

/// The layer before a path of old: lets those through who show a token. For anybody else there is no content there.
async fn old_path(request: Request, next: Next) -> ApiResult<Response> {
    let message = "content is only available with an access token: use /_matrix/client/v1/media/download or thumbnail";
    if access_token(request.headers(), request.uri()).is_none() {
        return Err(ApiError::new(Code::NotFound, message));
    }
    Ok(next.run(request).await)
}
