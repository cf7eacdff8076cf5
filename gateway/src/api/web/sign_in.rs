//! `/auth`: in by way of the identity provider, and out again.

use super::guard::{Guard, cookie};
use crate::api::problem::Problem;
use crate::api::request::Body;
use crate::people::{Arrived, Callback, Cookie, SignInError};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use openidconnect::url::form_urlencoded;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long a sign-in may take.
pub(super) const SIGN_IN: Duration = Duration::from_secs(600);

/// With which requests a browser sends a cookie.
pub(super) enum SameSite {
    /// Those of its own site's pages, and links to it.
    Lax,
    /// All, over HTTPS alone.
    None,
}

/// Where the person wants to go.
#[derive(Deserialize)]
pub(super) struct Wanted {
    pub(super) next: Option<String>,
}

/// What the provider sends a browser back with; more may be there.
#[derive(Deserialize)]
pub(super) struct Returned {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Which device asks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceRequest {
    handle: String,
}

pub(super) async fn login(State(guard): State<Arc<Guard>>, Query(Wanted { next }): Query<Wanted>) -> Response {
    if guard.people.has_saml_alone() {
        let next = form_urlencoded::Serializer::new(String::new()).append_pair("next", next.as_deref().unwrap_or("/")).finish();
        return (StatusCode::SEE_OTHER, [(header::LOCATION, format!("/auth/saml/login?{next}"))]).into_response();
    }
    match guard.people.begin(next.as_deref()).await {
        Ok(begun) => {
            let cookie = set(&guard, guard.sign_in_name(), &begun.browser, SIGN_IN, SameSite::Lax);
            (StatusCode::SEE_OTHER, [(header::LOCATION, begun.location), (header::SET_COOKIE, cookie)]).into_response()
        }
        Err(error) => told(&error),
    }
}

pub(super) async fn callback(State(guard): State<Arc<Guard>>, headers: HeaderMap, Query(returned): Query<Returned>) -> Response {
    let Returned { state, code, error, iss: issuer } = returned;
    let browser = cookie(&headers, guard.sign_in_name());
    let old = cookie(&headers, guard.cookie_name());
    match guard.people.finish(Callback { state, code, error, issuer }, browser, old).await {
        Ok(person) => arrived(&guard, person),
        Err(error) => told(&error),
    }
}

/// Has the browser keep the session's cookie, and sends it where the person wanted to go.
pub(super) fn arrived(guard: &Guard, person: Arrived) -> Response {
    let Cookie { value, life } = &person.cookie;
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, person.next)]).into_response();
    let own = set(guard, guard.cookie_name(), value, *life, SameSite::Lax);
    let over = set(guard, guard.sign_in_name(), "", Duration::ZERO, SameSite::Lax);
    for cookie in [own, over].iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The session is over here; the answer says where the browser goes to be signed out at the provider, too.
pub(super) async fn logout(State(guard): State<Arc<Guard>>, headers: HeaderMap) -> Response {
    let Some(shown) = cookie(&headers, guard.cookie_name()) else { return Problem::unknown().into_response() };
    if !guard.is_ours(&headers) {
        let what = "only a page of the console's signs people out";
        return Problem::new(StatusCode::FORBIDDEN, "foreign-origin", what).into_response();
    }
    match guard.people.sign_out(shown).await {
        Ok(Some(place)) => {
            let gone = set(&guard, guard.cookie_name(), "", Duration::ZERO, SameSite::Lax);
            ([(header::SET_COOKIE, gone)], Json(json!({ "location": place }))).into_response()
        }
        Ok(None) => Problem::unknown().into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

pub(super) async fn device(State(guard): State<Arc<Guard>>) -> Response {
    match guard.people.begin_device().await {
        Ok(begun) => Json(begun).into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

pub(super) async fn device_answer(
    State(guard): State<Arc<Guard>>,
    Body(DeviceRequest { handle }): Body<DeviceRequest>,
) -> Response {
    let gone = || Problem::new(StatusCode::NOT_FOUND, "not-found", "no such sign-in is under way: begin again, `weir login`");
    guard.people.device(&handle).map_or_else(|| gone().into_response(), |answer| Json(answer).into_response())
}

/// A cookie as it is set; one without life is taken away.
pub(super) fn set(guard: &Guard, name: &str, value: &str, life: Duration, same_site: SameSite) -> String {
    let secure = if guard.is_secure() { "; Secure" } else { "" };
    let same_site = match same_site {
        SameSite::Lax => "Lax",
        SameSite::None => "None",
    };
    format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite={same_site}{secure}", life.as_secs())
}

/// What a person reads who could not be let in.
pub(super) fn told(error: &SignInError) -> Response {
    let status = Problem::status(error);
    if status.is_server_error() {
        tracing::error!(%error, "a sign-in");
    } else {
        tracing::info!(%error, "a sign-in");
    }
    let text = format!("weir: {error}\n\nTry again: /auth/login\n");
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
