//! `/auth`: in by way of the identity provider, and out again.

use super::guard::{Guard, cookie};
use crate::api::problem::Problem;
use crate::api::request::Body;
use crate::people::{Callback, Cookie, SignInError};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long a sign-in may take.
const SIGN_IN: Duration = Duration::from_secs(600);

/// Where the person wants to go.
#[derive(Deserialize)]
pub(super) struct Wanted {
    next: Option<String>,
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
    match guard.people.begin(next.as_deref()).await {
        Ok(begun) => {
            let cookie = set(&guard, guard.sign_in_name(), &begun.browser, SIGN_IN);
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
        Ok(arrived) => {
            let Cookie { value, life } = &arrived.cookie;
            let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, arrived.next)]).into_response();
            let cookies = [set(&guard, guard.cookie_name(), value, *life), set(&guard, guard.sign_in_name(), "", Duration::ZERO)];
            for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(error) => told(&error),
    }
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
            let gone = set(&guard, guard.cookie_name(), "", Duration::ZERO);
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
fn set(guard: &Guard, name: &str, value: &str, life: Duration) -> String {
    let secure = if guard.is_secure() { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}", life.as_secs())
}

/// What a person reads who could not be let in.
fn told(error: &SignInError) -> Response {
    let status = Problem::status(error);
    if status.is_server_error() {
        tracing::error!(%error, "a sign-in");
    } else {
        tracing::info!(%error, "a sign-in");
    }
    let text = format!("weir: {error}\n\nTry again: /auth/login\n");
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
