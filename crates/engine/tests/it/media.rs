//! The content repository: uploads, promises, downloads, thumbnails, orphans.

mod pictures;
mod previews;
mod thumbnails;

use std::{path::PathBuf, time::Duration};

use im2_core::{Code, Result};
use im2_engine::Engine;
use im2_media::{Content, UploadInfo};
use im2_model::{MxcUri, UserNid};

use crate::Fixture;

const NO_WAIT: Duration = Duration::ZERO;
const DAY: u64 = 24 * 60 * 60 * 1000;

async fn user(fixture: &Fixture, name: &str) -> UserNid {
    fixture.user(name).await.user
}

async fn upload(engine: &Engine, owner: UserNid, content: &[u8], info: UploadInfo) -> Result<MxcUri> {
    let mut upload = engine.media.upload(owner, info).await?;
    for piece in content.chunks(100_000) {
        upload.write(piece).await?;
    }
    upload.finish().await
}

async fn upload_to(engine: &Engine, owner: UserNid, uri: &MxcUri, content: &[u8]) -> Result<MxcUri> {
    let (server, media_id) = uri.parts();
    let mut upload = engine.media.upload_to(owner, server, media_id, UploadInfo::default()).await?;
    upload.write(content).await?;
    upload.finish().await
}

async fn find(engine: &Engine, uri: &MxcUri, wait: Duration) -> Result<Content> {
    let (server, media_id) = uri.parts();
    engine.media.content(server, media_id, wait).await
}

async fn bytes(engine: &Engine, digest: im2_media::Digest, size: u64) -> Vec<u8> {
    let mut reader = engine.media.read(digest, 0..size).await.unwrap();
    let mut out = Vec::new();
    while let Some(chunk) = reader.next().await.unwrap() {
        out.extend_from_slice(&chunk);
    }
    out
}

/// The names of all files of the content repository.
fn files(fixture: &Fixture) -> Vec<PathBuf> {
    let Ok(shards) = std::fs::read_dir(fixture.folder.path().join("media")) else { return Vec::new() };
    let files = |shard: std::io::Result<std::fs::DirEntry>| std::fs::read_dir(shard.unwrap().path()).unwrap();
    shards.flat_map(files).map(|file| file.unwrap().path()).collect()
}

#[tokio::test]
async fn what_was_uploaded_can_be_downloaded() {
    let fixture = Fixture::new().await;
    let ana = user(&fixture, "ana").await;
    let content: Vec<u8> = (0..700_000_u32).map(|at| (at % 253) as u8).collect();
    let info = UploadInfo {
        content_type: Some("video/mp4".into()),
        filename: Some("猫.mp4".into()),
        length: Some(content.len() as u64),
    };
    let uri = upload(&fixture.engine, ana, &content, info).await.unwrap();
    let again = upload(&fixture.engine, ana, &content, UploadInfo::default()).await.unwrap();
    assert_ne!(uri, again);
    assert_eq!(files(&fixture).len(), 1, "the same content is kept once");
    let fixture = fixture.reopen().await;
    let found = find(&fixture.engine, &uri, NO_WAIT).await.unwrap();
    assert_eq!(found.content_type.as_deref(), Some("video/mp4"));
    assert_eq!(found.filename.as_deref(), Some("猫.mp4"));
    assert_eq!(bytes(&fixture.engine, found.digest, found.size).await, content);
    assert_eq!(find(&fixture.engine, &again, NO_WAIT).await.unwrap().filename, None);
}

#[tokio::test]
async fn what_is_not_here_is_not_found() {
    let fixture = Fixture::new().await;
    for (server, media_id) in [("im.test", "nothing"), ("elsewhere.test", "abc"), ("im.test", "../x"), ("a b", "c")] {
        let refusal = fixture.engine.media.content(server, media_id, NO_WAIT).await.unwrap_err();
        assert_eq!(refusal.code(), Some(Code::NotFound), "{server}/{media_id}");
    }
}

#[tokio::test]
async fn an_upload_beyond_the_limit_leaves_nothing() {
    let fixture = Fixture::with(|options| options.media.max_upload_bytes = 300_000).await;
    let ana = user(&fixture, "ana").await;
    let announced = UploadInfo { length: Some(300_001), ..UploadInfo::default() };
    let refusal = fixture.engine.media.upload(ana, announced).await.unwrap_err();
    assert_eq!(refusal.code(), Some(Code::TooLarge));
    let refusal = upload(&fixture.engine, ana, &vec![0; 300_001], UploadInfo::default()).await.unwrap_err();
    assert_eq!(refusal.code(), Some(Code::TooLarge));
    assert_eq!(files(&fixture), Vec::<PathBuf>::new());
    upload(&fixture.engine, ana, &vec![0; 300_000], UploadInfo::default()).await.unwrap();
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let fixture = Fixture::new().await;
    let ana = user(&fixture, "ana").await;
    let info = UploadInfo { length: Some(400_000), ..UploadInfo::default() };
    let mut broken = fixture.engine.media.upload(ana, info.clone()).await.unwrap();
    broken.write(&vec![1; 300_000]).await.unwrap();
    assert_eq!(files(&fixture).len(), 1);
    drop(broken);
    assert!(upload(&fixture.engine, ana, &vec![1; 300_000], info).await.is_err(), "shorter than announced");
    assert_eq!(files(&fixture), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_user_has_a_quota_where_there_is_one() {
    let fixture = Fixture::with(|options| options.core.rate_limits.quotas.set("media_bytes 10").unwrap()).await;
    let (ana, ben) = (user(&fixture, "ana").await, user(&fixture, "ben").await);
    upload(&fixture.engine, ana, b"123456", UploadInfo::default()).await.unwrap();
    let refusal = upload(&fixture.engine, ana, b"78901", UploadInfo::default()).await.unwrap_err();
    assert_eq!(refusal.code(), Some(Code::UserLimitExceeded));
    assert_eq!(files(&fixture).len(), 1, "what was refused is deleted");
    upload(&fixture.engine, ana, b"7890", UploadInfo::default()).await.unwrap();
    assert_eq!(
        upload(&fixture.engine, ana, b"", UploadInfo::default()).await.unwrap_err().code(),
        Some(Code::UserLimitExceeded)
    );
    upload(&fixture.engine, ben, b"123456", UploadInfo::default()).await.unwrap();
    assert_eq!(files(&fixture).len(), 2);
}

#[tokio::test]
async fn a_promised_upload() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    let (ana, ben) = (user(&fixture, "ana").await, user(&fixture, "ben").await);
    let promise = engine.media.create(ana).await.unwrap();
    let uri = promise.uri;
    assert_eq!(promise.expires, engine.core.now() + DAY);
    assert_eq!(find(engine, &uri, NO_WAIT).await.unwrap_err().code(), Some(Code::NotYetUploaded));
    assert_eq!(upload_to(engine, ben, &uri, b"x").await.unwrap_err().code(), Some(Code::Forbidden));
    assert_eq!(upload_to(engine, ana, &uri, b"hello").await.unwrap(), uri);
    assert_eq!(find(engine, &uri, NO_WAIT).await.unwrap().size, 5);
    assert_eq!(upload_to(engine, ana, &uri, b"again").await.unwrap_err().code(), Some(Code::CannotOverwriteMedia));
    let unknown = MxcUri::parse("mxc://im.test/unknown").unwrap();
    assert_eq!(upload_to(engine, ana, &unknown, b"x").await.unwrap_err().code(), Some(Code::NotFound));
    let elsewhere = MxcUri::new("elsewhere.test", uri.parts().1).unwrap();
    assert_eq!(upload_to(engine, ana, &elsewhere, b"x").await.unwrap_err().code(), Some(Code::NotFound));
    let direct = upload(engine, ana, b"direct", UploadInfo::default()).await.unwrap();
    assert_eq!(upload_to(engine, ana, &direct, b"x").await.unwrap_err().code(), Some(Code::CannotOverwriteMedia));
    assert_eq!(files(&fixture).len(), 2, "only what was accepted is kept");
}

#[tokio::test]
async fn of_two_uploads_to_one_promise_the_first_counts() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    let ana = user(&fixture, "ana").await;
    let uri = engine.media.create(ana).await.unwrap().uri;
    let (server, media_id) = uri.parts();
    let mut slow = engine.media.upload_to(ana, server, media_id, UploadInfo::default()).await.unwrap();
    slow.write(b"slow").await.unwrap();
    upload_to(engine, ana, &uri, b"quick").await.unwrap();
    assert_eq!(slow.finish().await.unwrap_err().code(), Some(Code::CannotOverwriteMedia));
    assert_eq!(find(engine, &uri, NO_WAIT).await.unwrap().size, 5);
    assert_eq!(files(&fixture).len(), 1);
}

#[tokio::test]
async fn promises_expire_and_have_a_limit() {
    let fixture = Fixture::new().await;
    let engine = &fixture.engine;
    let (ana, ben) = (user(&fixture, "ana").await, user(&fixture, "ben").await);
    let first = engine.media.create(ana).await.unwrap().uri;
    fixture.clock.advance(1000);
    for _ in 1..64 {
        engine.media.create(ana).await.unwrap();
    }
    let refusal = engine.media.create(ana).await.unwrap_err();
    assert_eq!(refusal.code(), Some(Code::LimitExceeded));
    let im2_core::Error::Refused { extra, .. } = refusal else { panic!("refused") };
    assert_eq!(extra["retry_after_ms"], DAY - 1000);
    engine.media.create(ben).await.unwrap();
    fixture.clock.advance(DAY - 1000);
    assert_eq!(find(engine, &first, NO_WAIT).await.unwrap_err().code(), Some(Code::NotFound));
    assert_eq!(upload_to(engine, ana, &first, b"late").await.unwrap_err().code(), Some(Code::NotFound));
    engine.media.create(ana).await.unwrap();
    assert_eq!(engine.media.create(ana).await.unwrap_err().code(), Some(Code::LimitExceeded));
}

#[tokio::test]
async fn a_download_waits_for_what_was_promised() {
    let fixture = Fixture::new().await;
    let ana = user(&fixture, "ana").await;
    let uri = fixture.engine.media.create(ana).await.unwrap().uri;
    let media = fixture.engine.media.clone();
    let waiting_for = uri.clone();
    let waiting = tokio::spawn(async move {
        let (server, media_id) = waiting_for.parts();
        media.content(server, media_id, Duration::from_secs(60)).await
    });
    tokio::task::yield_now().await;
    upload_to(&fixture.engine, ana, &uri, b"here").await.unwrap();
    let found = tokio::time::timeout(Duration::from_secs(4), waiting).await.expect("woken, not found by looking again");
    assert_eq!(found.unwrap().unwrap().size, 4);
}

#[tokio::test]
async fn withdrawn_content_is_not_found() {
    let fixture = Fixture::new().await;
    let ana = user(&fixture, "ana").await;
    let uri = upload(&fixture.engine, ana, b"bad", UploadInfo::default()).await.unwrap();
    let media_id = uri.parts().1.to_owned();
    assert!(fixture.engine.core.store.write(move |tx| tx.quarantine(&media_id, Some(ana))).await.unwrap() > 0);
    assert_eq!(find(&fixture.engine, &uri, NO_WAIT).await.unwrap_err().code(), Some(Code::NotFound));
}

#[tokio::test]
async fn orphans_are_deleted_and_the_rest_is_kept() {
    let fixture = Fixture::new().await;
    let ana = user(&fixture, "ana").await;
    let uri = upload(&fixture.engine, ana, b"kept", UploadInfo::default()).await.unwrap();
    let kept = files(&fixture);
    let stray = fixture.folder.path().join("media/00").join("0".repeat(64));
    std::fs::create_dir_all(stray.parent().unwrap()).unwrap();
    std::fs::write(&stray, "orphan").unwrap();
    assert_eq!(fixture.engine.media.delete_orphans().await.unwrap(), 1);
    assert_eq!(files(&fixture), kept);
    assert_eq!(find(&fixture.engine, &uri, NO_WAIT).await.unwrap().size, 4);
    assert_eq!(fixture.engine.media.delete_orphans().await.unwrap(), 0);
}
