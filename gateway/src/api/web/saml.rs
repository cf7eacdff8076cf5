//! `/auth/saml`: in by way of a SAML identity provider, whose page posts its answer here.

use super::guard::{Guard, cookie};
use super::sign_in::{SIGN_IN, SameSite, Wanted, arrived, set, told};
use crate::api::problem::Problem;
use crate::people::SignInError;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use openidconnect::url::form_urlencoded;
use std::sync::Arc;

pub(super) async fn login(
    State(guard): State<Arc<Guard>>,
    headers: HeaderMap,
    Query(Wanted { next }): Query<Wanted>,
) -> Response {
    match guard.people.begin_saml(next.as_deref(), cookie(&headers, guard.cookie_name())) {
        Ok(begun) => {
            // The answer is posted from the provider's page, and no cookie of this site goes along with that unless it says so. This one is good
            // for one sign-in.
            let cookie = set(&guard, guard.sign_in_name(), &begun.browser, SIGN_IN, SameSite::None);
            (StatusCode::SEE_OTHER, [(header::LOCATION, begun.location), (header::SET_COOKIE, cookie)]).into_response()
        }
        Err(error) => told(&error),
    }
}

pub(super) async fn answer(State(guard): State<Arc<Guard>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some((response, state)) = form(&headers, &body) else {
        let why = "the form has to have SAMLResponse and RelayState, each once";
        return told(&SignInError::Unbelievable(why.to_owned()));
    };
    let browser = cookie(&headers, guard.sign_in_name());
    match guard.people.finish_saml(&state, response, browser).await {
        Ok(person) => arrived(&guard, person),
        Err(error) => told(&error),
    }
}

pub(super) async fn metadata(State(guard): State<Arc<Guard>>) -> Response {
    let nothing = || Problem::new(StatusCode::NOT_FOUND, "not-found", "there is nothing here").into_response();
    let shown = |metadata| ([(header::CONTENT_TYPE, "application/samlmetadata+xml")], metadata).into_response();
    guard.people.saml_metadata().map_or_else(nothing, shown)
}

/// What the form has under `SAMLResponse` and `RelayState`, each once.
fn form(headers: &HeaderMap, body: &[u8]) -> Option<(String, String)> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    let only = |name: &str| {
        let mut all = form_urlencoded::parse(body).filter(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        all.next().filter(|_| all.next().is_none())
    };
    Some((only("SAMLResponse")?, only("RelayState")?))
}
