//! Takes secrets out of arguments before anything keeps them.

use gateway_core::record::redact;

const LONGEST: usize = 4096;
const MOST: usize = 64;
const HIDDEN: &str = "***";
/// Names whose value is a secret, however they are written: `--db-password`, `API_TOKEN`, `secret`.
const SECRET_NAMES: [&str; 9] =
    ["password", "passwd", "passphrase", "token", "secret", "pgpassword", "mysql_pwd", "api-key", "apikey"];

/// A process's arguments, with secrets' values hidden: at most 64, each cut at 4 KiB.
pub(super) fn arguments(arguments: &[Vec<u8>], executable: Option<&str>) -> Vec<String> {
    let mysql =
        executable.map(super::name::basename).is_some_and(|name| name.starts_with("mysql") || name.starts_with("mariadb"));
    let mut secret_follows = false;
    let mut kept = Vec::new();
    for argument in arguments.iter().take(MOST) {
        let text = String::from_utf8_lossy(argument);
        let hidden = if secret_follows {
            HIDDEN.to_owned()
        } else if mysql && is_password_flag(&text) {
            format!("-p{HIDDEN}")
        } else {
            value(&text, LONGEST)
        };
        secret_follows = !secret_follows && announces_a_secret(&text);
        kept.push(hidden);
    }
    kept
}

/// The text with what looks like a secret in it hidden, cut at `longest` bytes.
pub(super) fn value(text: &str, longest: usize) -> String {
    // Hidden first: cut first, a URL's `@` could be lost and its password stay.
    let mut shown = Vec::with_capacity(text.len());
    redact::without_passwords(hide_named(&hide_userinfo(text)).as_bytes(), &mut shown);
    cut(&String::from_utf8_lossy(&shown), longest)
}

/// The longest beginning of the text that has at most `longest` bytes.
pub(super) fn cut(text: &str, longest: usize) -> String {
    text.get(..text.floor_char_boundary(longest)).unwrap_or(text).to_owned()
}

fn is_password_flag(text: &str) -> bool {
    text.len() > 2 && text.starts_with("-p")
}

/// `--password SECRET`: the flag without a value.
fn announces_a_secret(text: &str) -> bool {
    text.starts_with("--") && !text.starts_with("--no-") && !text.contains('=') && is_secret_name(text)
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    SECRET_NAMES.iter().any(|secret| name.ends_with(&secret.replace('_', "-")))
}

/// `scheme://user:password@host` in a text, each time it stands there.
fn hide_userinfo(text: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        hidden.push_str(before);
        hidden.push_str("://");
        let end = after.find(['/', '?', '#', ' ', '\n', '\'', '"']).unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.rsplit_once('@').and_then(|(userinfo, host)| Some((userinfo.split_once(':')?.0, host))) {
            Some((user, host)) => hidden.extend([user, ":", HIDDEN, "@", host]),
            None => hidden.push_str(authority),
        }
        rest = tail;
    }
    hidden.push_str(rest);
    hidden
}

/// `password=SECRET`, `PGPASSWORD='SE CRET'`, `--token=SECRET`, `?password=SECRET&…`.
fn hide_named(text: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, after) = rest.split_at(at);
        hidden.push_str(before);
        hidden.push('=');
        rest = after.get(1..).unwrap_or_default();
        let spaced = before.trim_end();
        if is_secret_name(spaced) && !rest.is_empty() {
            // The one value of a flag goes to the end of its argument, whatever is in it.
            let whole = text.starts_with("--") && hidden.len() == at + 1 && !before.contains(' ');
            let length = if whole { rest.len() } else { value_length(rest) };
            hidden.push_str(HIDDEN);
            rest = rest.get(length..).unwrap_or_default();
        }
    }
    hidden.push_str(rest);
    hidden
}

/// How long a conninfo value is: quoted to its closing quote, else to a blank or a URL's `&`.
fn value_length(text: &str) -> usize {
    let blanks = text.len() - text.trim_start().len();
    let value = text.trim_start();
    let Some(quote) = value.chars().next().filter(|first| matches!(first, '\'' | '"')) else {
        let mut escaped = false;
        let end = value.find(|letter: char| {
            let ends = !escaped && (letter.is_whitespace() || letter == '&');
            escaped = !escaped && letter == '\\';
            ends
        });
        return blanks + end.unwrap_or(value.len());
    };
    let mut escaped = false;
    let closing = value.char_indices().skip(1).find(|(_, letter)| {
        let closes = !escaped && *letter == quote;
        escaped = !escaped && *letter == '\\';
        closes
    });
    closing.map_or(text.len(), |(at, _)| blanks + at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(executable: &str, given: &[&str], expected: &[&str]) {
        let given: Vec<Vec<u8>> = given.iter().map(|text| text.as_bytes().to_vec()).collect();
        assert_eq!(arguments(&given, Some(executable)), expected);
    }

    #[test]
    fn secrets_are_hidden() {
        check("/bin/x", &["x", "--password=a b=c", "--user=me"], &["x", "--password=***", "--user=me"]);
        check("/bin/psql", &["--no-password", "shop"], &["--no-password", "shop"]);
        check("/bin/x", &["--token", "abc", "go"], &["--token", "***", "go"]);
        check("/bin/x", &["--db-password", "--odd", "go"], &["--db-password", "***", "go"]);
        check("/bin/psql", &["postgres://ana:p@ss@db:5432/x?password=q&a=b"], &["postgres://ana:***@db:5432/x?password=***&a=b"]);
        check("/bin/psql", &["host=db password=abc user=me"], &["host=db password=*** user=me"]);
        check("/bin/psql", &["password = 'a \\' b' user=me"], &["password =*** user=me"]);
        check("/bin/env", &["PGPASSWORD=abc", "psql"], &["PGPASSWORD=***", "psql"]);
        check("/bin/sh", &["-c", "PGPASSWORD=abc psql -h db"], &["-c", "PGPASSWORD=*** psql -h db"]);
        check("/usr/bin/mariadb", &["-psecret", "-p", "shop"], &["-p***", "-p", "shop"]);
        check("/usr/bin/psql", &["-p5432", "http://a/b:c@d"], &["-p5432", "http://a/b:c@d"]);
    }

    #[test]
    fn arguments_are_bounded() {
        let many = vec!["ä".repeat(9000).into_bytes(); 100];
        let kept = arguments(&many, None);
        assert_eq!(kept.len(), MOST);
        assert!(kept.iter().all(|argument| argument.len() <= LONGEST));
        let url = format!("postgres://u:{}@h", "p".repeat(5000)).into_bytes();
        assert_eq!(arguments(&[url], None).first().unwrap(), "postgres://u:***@h");
    }
}
