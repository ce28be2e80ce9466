//! `server_name`, `app_service`, `rate_limits` and `quotas`.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result, anyhow};
use im2_core::{
    Options, memory,
    services::{Service, Services},
};

use crate::config::Config;

pub(super) fn options(config: &Config, memory: memory::Options) -> Result<Options> {
    Ok(Options {
        server_name: config.server_name(),
        services: Arc::new(services(config)?),
        rate_limits: config.limits(),
        memory,
    })
}

/// Reads the registrations of application services.
pub(crate) fn services(config: &Config) -> Result<Services> {
    let server_name = config.server_name();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path);
        let text = text.with_context(|| format!("the application service's registration {}", path.display()))?;
        let wrong = |problem| anyhow!("the application service's registration {}: {problem}", path.display());
        Service::from_registration(&text, &server_name).map_err(wrong)
    };
    let services = config.registration_files.iter().map(read).collect::<Result<_>>()?;
    Services::new(services).map_err(|problem| anyhow!("app_service.registration_files: {problem}"))
}
