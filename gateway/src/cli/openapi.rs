//! `weir openapi`: the API's description.

use super::{CliError, Result, print};
use crate::api::openapi::document;
use std::process::ExitCode;

pub(super) fn openapi() -> Result {
    let text = document().to_pretty_json().map_err(|error| CliError::new(error.to_string()))?;
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
