//! What an address asks for: which of a list, and which attributes (RFC 7644 §3.4.2, §3.9).

use super::answer::Failed;
use crate::control::DirectoryPage;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use gateway_core::directory::{Filter, Kind, Refused};
use serde_json::{Map, Value};

/// So many are on a page at most.
const MOST: usize = 200;
/// And so many where nothing is said.
const USUAL: usize = 100;
/// What is always there.
const ALWAYS: [&str; 2] = ["schemas", "id"];

/// What is asked for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    filter: Option<String>,
    start: Option<i64>,
    count: Option<i64>,
    /// In lower case.
    only: Option<Vec<String>>,
    without: Vec<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failed> {
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = pairs.map_err(|_unfit| Refused::new(Kind::Value, "the address can't be read"))?;
        let mut wanted = Self::default();
        let number = |name: &str, text: &str| {
            text.parse().map(Some).map_err(|_none| Refused::new(Kind::Value, format!("`{name}` is a whole number")))
        };
        for (name, value) in pairs {
            match name.to_ascii_lowercase().as_str() {
                "filter" => wanted.filter = Some(value),
                "startindex" => wanted.start = number("startIndex", &value)?,
                "count" => wanted.count = number("count", &value)?,
                "attributes" => wanted.only = Some(names(&value)),
                "excludedattributes" => wanted.without = names(&value),
                // Sorting is not done here (RFC 7644 §3.4.2.3: it may be passed over).
                _ => {}
            }
        }
        Ok(wanted)
    }
}

fn names(list: &str) -> Vec<String> {
    let bare = |name: &str| {
        let name = name.trim().to_ascii_lowercase();
        // `urn:…:User:name.givenName`
        name.rsplit(':').next().unwrap_or_default().to_owned()
    };
    list.split(',').map(bare).filter(|name| !name.is_empty()).take(100).collect()
}

impl Wanted {
    /// Which of a list; where it starts, counted from 1.
    pub(super) fn page(&self) -> Result<(DirectoryPage, usize), Failed> {
        let filter = self.filter.as_deref().filter(|text| !text.trim().is_empty()).map(Filter::read).transpose()?;
        let start = usize::try_from(self.start.unwrap_or(1)).unwrap_or_default().max(1);
        // Less than none is none (RFC 7644 §3.4.2.4).
        let most = self.count.map_or(USUAL, |count| usize::try_from(count).unwrap_or_default().min(MOST));
        Ok((DirectoryPage { filter, skip: start - 1, most }, start))
    }

    /// Whether this attribute is wanted.
    pub(super) fn wants(&self, attribute: &str) -> bool {
        let attribute = attribute.to_ascii_lowercase();
        if ALWAYS.contains(&attribute.as_str()) {
            return true;
        }
        let below = format!("{attribute}.");
        match &self.only {
            Some(only) => only.iter().any(|name| *name == attribute || name.starts_with(&below)),
            None => !self.without.contains(&attribute),
        }
    }

    /// A resource without what is not wanted of it.
    pub(super) fn cut(&self, resource: Value) -> Value {
        let Value::Object(fields) = resource else { return resource };
        let kept: Map<String, Value> = fields.into_iter().filter(|(name, _)| self.wants(name)).collect();
        Value::Object(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_wanted_is_left_out_and_what_is_always_there_stays() {
        let resource = json!({ "schemas": [], "id": "p-1", "userName": "ana", "name": {}, "members": [], "meta": {} });
        let check = |only: Option<&str>, without: &str, left: &[&str]| {
            let wanted = Wanted { only: only.map(names), without: names(without), ..Wanted::default() };
            let cut = wanted.cut(resource.clone());
            let mut found: Vec<_> = cut.as_object().unwrap().keys().map(String::as_str).collect();
            found.sort_unstable();
            assert_eq!(found, left, "{only:?} {without}");
        };
        check(None, "members, META", &["id", "name", "schemas", "userName"]);
        check(None, "id,schemas", &["id", "members", "meta", "name", "schemas", "userName"]);
        check(Some("username,name.givenName"), "", &["id", "name", "schemas", "userName"]);
        check(Some("urn:ietf:params:scim:schemas:core:2.0:User:userName"), "", &["id", "schemas", "userName"]);
        check(Some("nothing"), "", &["id", "schemas"]);
    }

    #[test]
    fn a_page_is_within_bounds() {
        let page = |start, count| Wanted { start, count, ..Wanted::default() }.page().unwrap();
        for (start, count, skip, most) in [
            (None, None, 0, USUAL),
            (Some(0), Some(-1), 0, 0),
            (Some(-7), Some(7), 0, 7),
            (Some(101), Some(1_000_000), 100, MOST),
            (Some(i64::MAX), Some(i64::MAX), usize::try_from(i64::MAX).unwrap() - 1, MOST),
        ] {
            let (page, first) = page(start, count);
            assert_eq!((page.skip, page.most, first), (skip, most, skip + 1), "{start:?} {count:?}");
        }
    }
}
