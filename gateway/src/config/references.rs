//! What an entry that reaches out has in common with others: its name, its secrets by reference, and whose certificates it trusts.

use super::reader::Table;
use crate::credential::Source;
use std::path::{Path, PathBuf};

/// A name for lists, records and files.
pub(crate) fn name(text: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let fit = !text.is_empty() && text.len() <= 64 && text.bytes().all(legal) && text.bytes().any(|byte| byte != b'.');
    fit.then(|| text.to_owned())
}

/// A secret by reference.
pub(crate) fn secret(table: &mut Table<'_, '_>, key: &'static str, directory: &Path) -> Option<Source> {
    let text = table.text(key)?;
    let full = match text.get_ref().strip_prefix("file:") {
        Some(path) => format!("file:{}", directory.join(path).display()),
        None => text.get_ref().clone(),
    };
    match Source::parse(&full) {
        Ok(source) => Some(source),
        Err(error) => {
            let hint = "a secret is never in this file: name the variable or the file that holds it";
            table.problem_at(text.span(), format!("`{key}`: {error}"), hint);
            None
        }
    }
}

/// The CAs that a server's certificate may come from, instead of the system's.
pub(crate) fn ca(table: &mut Table<'_, '_>, directory: &Path) -> Option<PathBuf> {
    file(table, "ca", "a file of certificates: ca = \"file:/etc/weir/ca.pem\"", directory)
}

/// The certificate and the key that a server is shown; both or none.
pub(crate) fn client_certificate(table: &mut Table<'_, '_>, directory: &Path) -> Option<(PathBuf, PathBuf)> {
    let certificate = file(table, "certificate", "the chain in PEM: certificate = \"file:/etc/weir/client.pem\"", directory);
    let key = file(table, "key", "its key in PEM: key = \"file:/etc/weir/client.key\"", directory);
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            table.problem("one of `certificate` and `key` is there without the other", "give both, or none");
            None
        }
    }
}

fn file(table: &mut Table<'_, '_>, key: &'static str, hint: &str, directory: &Path) -> Option<PathBuf> {
    table.parsed(key, hint, |text| text.strip_prefix("file:").map(|path| directory.join(path)))
}
