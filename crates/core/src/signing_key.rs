//! The server's signing key: made at the first start, kept in the database.

use im2_kernel::sign::SigningKey;

use crate::{Core, Error, Result};

/// The name under which it is kept: the key's identifier, a space, the seed in 32 bytes.
const NAME: &str = "signing_key";

/// Reads the key, or makes one.
pub async fn load(core: &Core) -> Result<SigningKey> {
    let mut seed = [0_u8; 32];
    core.random.fill(&mut seed);
    let mut fresh = format!("ed25519:{} ", core.random.alphanumeric(6)).into_bytes();
    fresh.extend_from_slice(&seed);
    let stored = core.store.write(move |tx| {
        if let Some(stored) = tx.server_value(NAME)? {
            return Ok(stored);
        }
        tx.set_server_value(NAME, &fresh)?;
        Ok(fresh.clone())
    });
    parse(&stored.await?).ok_or_else(|| Error::Internal("the stored signing key is damaged".into()))
}

fn parse(stored: &[u8]) -> Option<SigningKey> {
    let (identifier, seed) = stored.split_at_checked(stored.len().checked_sub(32)?)?;
    let identifier = std::str::from_utf8(identifier).ok()?.strip_suffix(' ')?;
    SigningKey::from_seed(identifier, seed.try_into().ok()?).ok()
}
