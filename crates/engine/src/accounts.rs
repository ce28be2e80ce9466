//! Accounts: who may sign in, and who a token belongs to.

use crate::{Code, Core, Error, Result, session::Session};

/// The use cases of accounts.
#[derive(Debug, Clone)]
pub struct Accounts {
    core: Core,
}

impl Accounts {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
    }

    /// Who `token` belongs to.
    pub async fn authenticate(&self, token: &str) -> Result<Session> {
        tracing::trace!(server = %self.core.server_name, length = token.len(), "authenticating");
        Err(Error::refused(Code::UnknownToken, "this access token is not known here"))
    }
}
