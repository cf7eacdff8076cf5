//! What a client of SCIM's is answered: resources, and errors as RFC 7644 §3.12 has them.

use crate::control::CommandError;
use crate::people::SignInError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gateway_core::directory::Refused;
use serde_json::{Value, json};

const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const MEDIA: HeaderValue = HeaderValue::from_static("application/scim+json");

/// What went wrong.
#[derive(Debug)]
pub(in crate::api::web) struct Failed {
    status: StatusCode,
    kind: Option<&'static str>,
    detail: String,
}

/// A resource, with what its headers say of it.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    pub(super) location: Option<String>,
    pub(super) version: Option<u64>,
}

impl Failed {
    pub(in crate::api::web) fn new(status: StatusCode, kind: Option<&'static str>, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into() }
    }

    /// Nobody knows who asks.
    pub(in crate::api::web) fn unknown() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            None,
            "who asks is not known: send a provisioner's token, `Authorization: Bearer weir_…`",
        )
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        let status = StatusCode::from_u16(refused.kind.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, refused.kind.scim_type(), refused.detail)
    }
}

impl From<CommandError> for Failed {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Directory(refused) => refused.into(),
            CommandError::Forbidden { .. } | CommandError::Job => Self::new(StatusCode::FORBIDDEN, None, error.to_string()),
            CommandError::Ledger(error) => {
                tracing::error!(%error, "the directory");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, None, "the ledger can't be read or written now: try again")
            }
            other => Self::new(StatusCode::INTERNAL_SERVER_ERROR, None, other.to_string()),
        }
    }
}

impl From<SignInError> for Failed {
    fn from(error: SignInError) -> Self {
        tracing::error!(%error, "a provisioner's token");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, None, "the ledger can't be read now: try again")
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Self { status, kind, detail } = self;
        let mut body = json!({ "schemas": [ERROR], "status": status.as_u16().to_string(), "detail": detail });
        if let (Some(kind), Some(fields)) = (kind, body.as_object_mut()) {
            fields.insert("scimType".to_owned(), kind.into());
        }
        let mut response = (status, body.to_string()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, MEDIA);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"weir\""));
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
        }
        response
    }
}

impl Answer {
    pub(super) const fn plain(body: Value) -> Self {
        Self { status: StatusCode::OK, body, location: None, version: None }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Self { status, body, location, version } = self;
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, MEDIA);
        if let Some(location) = location.and_then(|location| HeaderValue::from_str(&location).ok()) {
            headers.insert(if status == StatusCode::CREATED { header::LOCATION } else { header::CONTENT_LOCATION }, location);
        }
        if let Some(tag) = version.and_then(|version| HeaderValue::from_str(&super::resource::tag(version)).ok()) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}
