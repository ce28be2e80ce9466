//! `im2 config`: whether the configuration is valid, and what is in effect.

use anyhow::Result;

use super::say;
use crate::{
    config::{Config, Key},
    options::services,
};

pub(super) fn check(config: &Config) -> Result<()> {
    let services = services(config)?;
    let (name, mode) = (config.server_name(), config.registration_mode());
    let services = match services.all().len() {
        0 => String::new(),
        1 => ", one application service".to_owned(),
        several => format!(", {several} application services"),
    };
    say(format_args!("The configuration is valid: {name}, registration {mode}{services}."))
}

/// Prints a file that would give this configuration, apart from secrets, which are masked and commented out.
pub(super) fn show(config: &Config) -> Result<()> {
    let mut section = "";
    for key in Key::all() {
        let Some(value) = key.shown(config) else { continue };
        let (of, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if of != section {
            say(format_args!("\n[{of}]"))?;
            section = of;
        }
        say(format_args!("# {}. Environment: {}", key.about, key.variable()))?;
        say(format_args!("{}{name} = {value}", if key.secret { "# " } else { "" }))?;
    }
    Ok(())
}
