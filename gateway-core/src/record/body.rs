//! The bodies of binary frames, taken apart. Numbers are little-endian unless said otherwise.

use super::{Hash, redact};

/// A statement, as [`crate::record::FrameKind::Statement`] keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The operation.
    pub operation: u64,
    /// `Q` Query, `P` Parse, `F` FunctionCall.
    pub kind: u8,
    /// The text as the client sent it.
    pub text: &'a [u8],
}

impl<'a> Statement<'a> {
    /// Takes a body apart; none where it is too short.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let (operation, rest) = number(body)?;
        let (&kind, text) = rest.split_first()?;
        Some(Self { operation, kind, text })
    }
}

/// Writes the body of a statement's frame: passwords in it are hidden.
pub fn write_statement(operation: u64, kind: u8, text: &[u8], body: &mut Vec<u8>) {
    body.extend_from_slice(&operation.to_le_bytes());
    body.push(kind);
    redact::without_passwords(text, body);
}

/// The same for the sealed layer: nothing is hidden.
pub fn write_exact(operation: u64, kind: u8, text: &[u8], body: &mut Vec<u8>) {
    body.extend_from_slice(&operation.to_le_bytes());
    body.push(kind);
    body.extend_from_slice(text);
}

/// An operation's end, as [`crate::record::FrameKind::Completed`] keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completed<'a> {
    /// The operation.
    pub operation: u64,
    /// Rows that the server sent.
    pub rows: u64,
    /// Bytes that the server sent.
    pub bytes: u64,
    /// The server's command tag.
    pub tag: &'a [u8],
}

impl<'a> Completed<'a> {
    /// Takes a body apart; none where it is too short.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let (operation, rest) = number(body)?;
        let (rows, rest) = number(rest)?;
        let (bytes, tag) = number(rest)?;
        Some(Self { operation, rows, bytes, tag })
    }
}

/// An operation's failure, as [`crate::record::FrameKind::Failed`] keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure<'a> {
    /// The operation, 0 where none.
    pub operation: u64,
    /// SQLSTATE.
    pub code: &'a [u8],
    /// The server's, or the gateway's, text.
    pub message: &'a [u8],
}

impl<'a> Failure<'a> {
    /// Takes a body apart; none where it is too short.
    #[must_use]
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let (operation, rest) = number(body)?;
        let (code, message) = rest.split_at_checked(5)?;
        Some(Self { operation, code, message })
    }
}

/// A result in short, as [`crate::record::FrameKind::Digest`] keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The operation.
    pub operation: u64,
    /// Rows that were digested.
    pub rows: u64,
    /// SHA-256 over their bodies in their order, each behind its length (u32, little-endian).
    pub sha256: Hash,
}

/// Writes the body of a digest's frame.
pub fn write_digest(operation: u64, rows: u64, sha256: &Hash, body: &mut Vec<u8>) {
    body.extend_from_slice(&operation.to_le_bytes());
    body.extend_from_slice(&rows.to_le_bytes());
    body.extend_from_slice(&sha256.0);
}

impl Digest {
    /// Takes a body apart; none where it is too short.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let (operation, rest) = number(body)?;
        let (rows, rest) = number(rest)?;
        Some(Self { operation, rows, sha256: Hash(*rest.first_chunk()?) })
    }
}

/// Splits a leading operation id off a body: of Parameters and Rows, say.
#[must_use]
pub fn number(body: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = body.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*number), rest))
}
