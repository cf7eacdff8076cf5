//! Who is let in: by a token, or by a session's cookie that a page of another origin can't use.

use super::limits::{Limits, Remote};
use super::scim;
use super::still::{Shown, Still};
use crate::api::problem::Problem;
use crate::control::{Actor, On, Role};
use crate::people::People;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

/// What all requests of the web are looked at with.
pub(super) struct Guard {
    pub(super) people: Arc<People>,
    pub(super) limits: Limits,
    hasher: RandomState,
}

impl Guard {
    pub(super) fn new(people: Arc<People>) -> Self {
        Self { people, limits: Limits::default(), hasher: RandomState::new() }
    }

    pub(super) fn is_secure(&self) -> bool {
        self.people.console().is_secure()
    }

    /// The session's cookie. The prefix has browsers keep it to this host, this path and HTTPS (RFC 6265bis §4.1.3.2).
    pub(super) fn cookie_name(&self) -> &'static str {
        if self.is_secure() { "__Host-weir" } else { "weir" }
    }

    /// The cookie that binds a sign-in to the browser that began it.
    pub(super) fn sign_in_name(&self) -> &'static str {
        if self.is_secure() { "__Host-weir-sign-in" } else { "weir-sign-in" }
    }

    /// Whether the request is one that a page of ours makes, or none of a browser's pages.
    pub(super) fn is_ours(&self, headers: &HeaderMap) -> bool {
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
        let (origin, site) = (text(header::ORIGIN), text(header::HeaderName::from_static("sec-fetch-site")));
        match (origin, site) {
            (Some(origin), site) => origin == self.people.console().url && site.is_none_or(|site| site == "same-origin"),
            // Browsers send one of them with whatever may change something.
            (None, site) => site == Some("same-origin"),
        }
    }

    /// Who asks, the number by which their questions are counted, and how they show who they are.
    async fn who(&self, method: &Method, headers: &HeaderMap) -> Result<(Actor, u64, Shown), Problem> {
        if let Some(shown) = headers.get(header::AUTHORIZATION) {
            let token = shown.to_str().ok().and_then(|shown| shown.strip_prefix("Bearer ")).ok_or_else(Problem::unknown)?;
            let actor = self.people.by_token(token).await?.ok_or_else(Problem::unknown)?;
            return Ok((actor, self.hasher.hash_one(token), Shown::Token(token.to_owned())));
        }
        let cookie = cookie(headers, self.cookie_name()).ok_or_else(Problem::unknown)?;
        let actor = self.people.by_cookie(cookie).await?.ok_or_else(Problem::unknown)?;
        if !is_safe(method) && !self.is_ours(headers) {
            let what =
                format!("the request comes from a page elsewhere than {}, or does not say from where", self.people.console().url);
            return Err(Problem::new(StatusCode::FORBIDDEN, "foreign-origin", what));
        }
        Ok((actor, self.hasher.hash_one(cookie), Shown::Cookie(cookie.to_owned())))
    }
}

/// Lets those in who are known, and has the routes know who it is.
pub(super) async fn let_in(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let (actor, number, shown) = match guard.who(&method, &headers).await {
        Ok(known) => known,
        Err(problem) => {
            let fine = remote(&request).is_some_and(|from| guard.limits.failure(from));
            return if fine { problem.into_response() } else { too_often() };
        }
    };
    let makes_token = method == Method::POST && request.uri().path() == "/v1/tokens";
    if !guard.limits.shown(number) || (makes_token && !guard.limits.token(number)) {
        return too_often();
    }
    request.extensions_mut().insert(actor);
    request.extensions_mut().insert(Still::new(Arc::clone(&guard), shown));
    next.run(request).await
}

/// Lets who keeps the directory in: by a token of that role, and by nothing else.
pub(super) async fn let_provisioner_in(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|shown| shown.to_str().ok());
    let token = shown.and_then(|shown| shown.strip_prefix("Bearer ")).unwrap_or_default();
    let too_often = || scim::Failed::new(StatusCode::TOO_MANY_REQUESTS, None, "too many requests came from you").into_response();
    match guard.people.by_token(token).await {
        Ok(Some(actor)) if !guard.limits.shown(guard.hasher.hash_one(token)) => {
            tracing::debug!(by = actor.name(), "the directory is asked too often");
            too_often()
        }
        Ok(Some(actor)) if actor.may(Role::Provisioner, On::default()) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Ok(Some(_)) => {
            let what = "this takes a token of the role provisioner: weir token create NAME --role provisioner --for 365d";
            scim::Failed::new(StatusCode::FORBIDDEN, None, what).into_response()
        }
        Ok(None) => {
            let fine = remote(&request).is_some_and(|from| guard.limits.failure(from));
            if fine { scim::Failed::unknown().into_response() } else { too_often() }
        }
        Err(error) => scim::Failed::from(error).into_response(),
    }
}

/// Lets those through who do not ask too often, whoever they are.
pub(super) async fn not_too_often(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let Some(from) = remote(&request) else { return too_often() };
    let path = request.uri().path();
    let signs_in = path.starts_with("/auth/") && path != "/auth/device/answer";
    if guard.limits.anything(from) && (!signs_in || guard.limits.sign_in(from)) { next.run(request).await } else { too_often() }
}

/// The value of a cookie that is there once.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) if !value.is_empty() => Some(value),
        // Two of a name: somebody else has set one of them.
        _ => None,
    }
}

fn remote(request: &Request) -> Option<Remote> {
    request.extensions().get::<Remote>().copied()
}

fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

fn too_often() -> Response {
    let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-often", "too many requests came from you: wait a minute")
        .into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_counts_where_there_is_one_of_its_name() {
        let check = |lines: &[&str], expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
            }
            assert_eq!(cookie(&headers, "weir"), expected, "{lines:?}");
        };
        check(&["weir=a"], Some("a"));
        check(&["x=1; weir=a; y=2"], Some("a"));
        check(&["weir=a; weir=b"], None);
        check(&["weir=a", "weir=a"], None);
        check(&["weir=", "xweir=a", "Weir=a"], None);
    }
}
