//! Where a target's credential is kept: an environment variable of the gateway's, or a file.

use super::CredentialError;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// No credential is longer.
const CEILING: u64 = 64 << 10;

/// A place that holds a credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A variable of the gateway's own environment.
    Env(String),
    /// A file, of which one trailing newline is dropped.
    File(PathBuf),
}

impl Source {
    /// Reads `env:VARIABLE` or `file:/path`.
    ///
    /// # Errors
    /// When it is neither. The text is told only where it can't be a secret written by mistake.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        let wrong = |shown: &str| CredentialError::Source { text: shown.to_owned() };
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '\0']) => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if path.starts_with('/') && !path.contains('\0') => Ok(Self::File(path.into())),
            Some((scheme @ ("env" | "file"), _)) => Err(wrong(&format!("{scheme}:…"))),
            _ => Err(wrong("…")),
        }
    }
}

impl Source {
    /// What kind of place it is.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Env(_) => "env",
            Self::File(_) => "file",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// A credential's value.
#[derive(Clone)]
pub struct Secret {
    /// The user, where the value is a URL that names one.
    pub user: Option<String>,
    /// The password.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Reads a credential anew: a password, or `postgres://user:password@…`, of which the user and the
/// password count, percent-decoded.
///
/// # Errors
/// When it is not there, exposed, too long, not UTF-8, empty, or a URL without a password.
pub fn fetch(source: &Source) -> Result<Secret, CredentialError> {
    let value = match source {
        Source::Env(name) => variable(name)?,
        Source::File(path) => file(path)?,
    };
    understand(&value).map_err(|problem| CredentialError::Value { origin: source.to_string(), problem })
}

fn variable(name: &str) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    use std::os::unix::ffi::OsStringExt;
    let value = std::env::var_os(name).ok_or_else(|| CredentialError::Unset { name: name.to_owned() })?;
    Ok(Zeroizing::new(value.into_vec()))
}

fn file(path: &Path) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let failed = |source| CredentialError::File { path: path.to_owned(), source };
    let wrong = |problem| CredentialError::Value { origin: format!("file:{}", path.display()), problem };
    // Not blocking, so that a pipe in the file's place does not hold the gateway.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(wrong("not a regular file"));
    }
    if metadata.mode() & 0o007 != 0 {
        return Err(CredentialError::Exposed { path: path.to_owned(), mode: metadata.mode() & 0o7777 });
    }
    // All room at once: growing would leave copies behind that are not wiped.
    let mut value = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.size().min(CEILING)).unwrap_or_default() + 2));
    file.take(CEILING + 1).read_to_end(&mut value).map_err(failed)?;
    if value.len() as u64 > CEILING {
        return Err(wrong("longer than 64 KiB"));
    }
    if value.ends_with(b"\n") {
        value.pop();
        if value.ends_with(b"\r") {
            value.pop();
        }
    }
    Ok(value)
}

fn understand(value: &[u8]) -> Result<Secret, &'static str> {
    let text = std::str::from_utf8(value).map_err(|_| "not UTF-8")?;
    if text.is_empty() {
        return Err("empty");
    }
    if text.contains('\0') {
        return Err("holds a NUL character");
    }
    match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
        Some(rest) => from_url(rest),
        None => Ok(Secret { user: None, password: Zeroizing::new(text.to_owned()) }),
    }
}

/// The part before `@` of a connection URI (`PostgreSQL` docs 34.1.1.2).
fn from_url(rest: &str) -> Result<Secret, &'static str> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (login, _) = authority
        .split_once('@')
        .ok_or("a URL without user:password@ (write / ? # % and @ in a password as %2F %3F %23 %25 and %40)")?;
    let (user, password) = login.split_once(':').ok_or("a URL without a password")?;
    if authority.matches('@').count() > 1 {
        return Err("a URL with more than one @: write the one in the password as %40");
    }
    let user = decode(user)?;
    let password = decode(password)?;
    if password.is_empty() {
        return Err("a URL without a password");
    }
    Ok(Secret { user: Some(user.to_string()).filter(|user| !user.is_empty()), password })
}

fn decode(text: &str) -> Result<Zeroizing<String>, &'static str> {
    const WRONG: &str = "a URL with a % that is not followed by two hexadecimal digits";
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|d| char::from(d).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        let (high, low) = (digit().ok_or(WRONG)?, digit().ok_or(WRONG)?);
        bytes.push(high << 4 | low);
    }
    let decoded = std::str::from_utf8(&bytes).map_err(|_| "a URL whose percent-encoding is not UTF-8")?;
    if decoded.contains('\0') {
        return Err("a URL with an encoded NUL character");
    }
    Ok(Zeroizing::new(decoded.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn sources_are_read_and_mistakes_are_not_repeated() {
        assert_eq!(Source::parse("env:PGPASSWORD").unwrap(), Source::Env("PGPASSWORD".to_owned()));
        assert_eq!(Source::parse("file:/etc/weir/pw").unwrap(), Source::File("/etc/weir/pw".into()));
        for wrong in ["hunter2", "env:", "file:relative", "postgres://u:hunter2@h", "", "env:a=b"] {
            let error = Source::parse(wrong).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.contains("env:VARIABLE"), "{error}");
        }
    }

    #[test]
    fn values_are_passwords_or_urls() {
        let check = |value: &str, user: Option<&str>, password: &str| {
            let secret = understand(value.as_bytes()).unwrap();
            assert_eq!((secret.user.as_deref(), secret.password.as_str()), (user, password), "{value}");
        };
        check("hunter2", None, "hunter2");
        check("a b@c:d/e", None, "a b@c:d/e");
        check("postgres://backup:p%40ss%2f@db:5432/x?sslmode=require", Some("backup"), "p@ss/");
        check("postgresql://b%C3%A9:p:q@/x", Some("bé"), "p:q");
        check("postgres://:pw@h", None, "pw");
        for wrong in [
            "",
            "a\0b",
            "postgres://db/x",
            "postgres://u@h",
            "postgres://u:@h",
            "postgres://u:a%4@h",
            "postgres://u:a%zz@h",
            "postgres://u:a@b@h",
            "postgres://u:%00@h",
            "postgres://u:%ff@h",
        ] {
            assert!(understand(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn files_lose_one_newline_and_must_be_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pw");
        let source = Source::File(path.clone());
        std::fs::write(&path, "hunter2\n\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(fetch(&source).unwrap().password.as_str(), "hunter2\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = fetch(&source).unwrap_err().to_string();
        assert!(error.contains("chmod") && !error.contains("hunter2"), "{error}");
        assert!(fetch(&Source::File(dir.path().to_owned())).is_err());
        assert!(fetch(&Source::Env("WEIR_TEST_THAT_IS_NOT_SET".to_owned())).is_err());
    }
}
