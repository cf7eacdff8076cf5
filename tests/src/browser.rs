//! A browser without its window: curl with cookies of its own, which follows where a person would click.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// One browser.
#[derive(Debug)]
pub struct Browser {
    folder: TempDir,
    ca: PathBuf,
    /// An address of its own: what is limited by address is not limited for all tests together.
    from: String,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its status.
    pub status: u16,
    /// Its headers, one a line, names in lower case.
    pub headers: String,
    /// Its body.
    pub body: String,
    /// Where it leads, whole.
    pub location: Option<String>,
}

impl Browser {
    /// A fresh one that trusts the CA in this file.
    pub fn new(ca: &Path) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let from = format!("127.9.{}.{}", number / 250, number % 250 + 1);
        Self { folder: tempfile::tempdir().expect("a temporary directory"), ca: ca.to_owned(), from }
    }

    /// Gets a page, and goes nowhere else.
    pub fn get(&self, url: &str) -> Page {
        self.curl(url, &[])
    }

    /// Posts JSON as a page of `origin` does.
    pub fn post(&self, url: &str, origin: &str, body: &Value) -> Page {
        let (origin, body) = (format!("origin: {origin}"), body.to_string());
        self.curl(url, &["-H", &origin, "-H", "content-type: application/json", "-d", &body])
    }

    /// Asks with further arguments of curl's.
    pub fn curl(&self, url: &str, arguments: &[&str]) -> Page {
        let place = |name: &str| self.folder.path().join(name);
        let (jar, headers, body) = (place("cookies"), place("headers"), place("body"));
        fs::write(&body, "").expect("our own directory");
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--interface", &self.from])
            .arg("--cacert")
            .arg(&self.ca)
            .arg("-b")
            .arg(&jar)
            .arg("-c")
            .arg(&jar)
            .arg("-D")
            .arg(&headers);
        curl.arg("-o").arg(&body).args(["-w", "%{http_code} %{redirect_url}", "--max-time", "60"]).args(arguments).arg(url);
        let output = curl.output().expect("curl starts");
        assert!(output.status.success(), "curl {url}: {}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let (status, location) = told.split_once(' ').expect("as it was asked for");
        let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
        let lines = read(&headers);
        let lines = lines.lines().map(|line| {
            line.split_once(':').map_or_else(|| line.to_owned(), |(name, value)| format!("{}:{value}", name.to_ascii_lowercase()))
        });
        Page {
            status: status.parse().expect("a status"),
            headers: lines.collect::<Vec<_>>().join("\n"),
            body: read(&body),
            location: Some(location.to_owned()).filter(|location| !location.is_empty()),
        }
    }

    /// A cookie that it has.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let jar = fs::read_to_string(self.folder.path().join("cookies")).unwrap_or_default();
        jar.lines().find_map(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            (fields.len() == 7 && fields[5] == name).then(|| fields[6].to_owned())
        })
    }

    /// Goes where pages lead, and fills in the provider's forms as `login`, until a page leads to `end`, or nowhere.
    pub fn sign_in(&self, url: &str, login: &str, end: &str) -> Page {
        let mut page = self.get(url);
        for _ in 0..20 {
            let next = match &page.location {
                Some(location) if location.starts_with(end) => return page,
                Some(location) => self.get(location),
                None => match form(&page.body, login) {
                    Some((action, fields)) => self.curl(&action, &["-d", &fields]),
                    None => return page,
                },
            };
            page = next;
        }
        panic!("no end: {page:?}");
    }
}

impl Page {
    /// Its body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Where it leads.
    pub fn to(&self) -> &str {
        self.location.as_deref().unwrap_or_else(|| panic!("it leads nowhere: {self:?}"))
    }

    /// A field of the query of where it leads.
    pub fn query(&self, name: &str) -> String {
        let query = self.to().split_once('?').map_or("", |(_, query)| query);
        let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("no {name}: {self:?}")).to_owned()
    }
}

/// The first form of a page, filled in: where it goes, and with what.
fn form(body: &str, login: &str) -> Option<(String, String)> {
    let form = &body[body.find("<form")?..];
    let form = &form[..form.find("</form>").unwrap_or(form.len())];
    let action = attribute(form, "action")?;
    let inputs = form.split("<input").skip(1).filter_map(|input| {
        let input = &input[..input.find('>')?];
        let name = attribute(input, "name")?;
        let value = match name.as_str() {
            "login" => login.to_owned(),
            "password" => "x".to_owned(),
            _ => attribute(input, "value").unwrap_or_default(),
        };
        Some(format!("{name}={value}"))
    });
    Some((action, inputs.collect::<Vec<_>>().join("&")))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let rest = &tag[start..];
    Some(rest[..rest.find('"')?].to_owned())
}
