//! What went wrong, as RFC 9457 has it: `application/problem+json`.

use crate::control::CommandError;
use crate::people::SignInError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A problem.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// What kind of problem it is; the same for each of a kind.
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    /// What is wrong here, and what to do.
    detail: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, kind: &str, detail: impl ToString) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem");
        Self { kind: format!("urn:weir:problem:{kind}"), title, status: status.as_u16(), detail: detail.to_string() }
    }

    /// What is of the right form, and makes no sense.
    pub(super) fn wrong(detail: impl ToString) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong", detail)
    }

    /// A request that can't be understood.
    pub(super) fn bad_request(detail: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }
}

impl Problem {
    /// Nobody knows who asks.
    pub(super) fn unknown() -> Self {
        let what = "who asks is not known: sign in at /auth/login, or send a token, `Authorization: Bearer weir_…`";
        Self::new(StatusCode::UNAUTHORIZED, "unknown", what)
    }

    /// What a sign-in that failed is answered with.
    pub(super) const fn status(error: &SignInError) -> StatusCode {
        match error {
            SignInError::NoProvider => StatusCode::NOT_FOUND,
            SignInError::Stale => StatusCode::BAD_REQUEST,
            SignInError::Declined(_) | SignInError::Unbelievable(_) | SignInError::Refused { .. } => StatusCode::FORBIDDEN,
            SignInError::Busy => StatusCode::TOO_MANY_REQUESTS,
            SignInError::Unavailable(_) | SignInError::Ledger(_) => StatusCode::SERVICE_UNAVAILABLE,
            SignInError::Setup(_) | SignInError::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        Self::new(Self::status(&error), "sign-in", error)
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let (status, kind) = match &error {
            CommandError::NoSession(_) | CommandError::NoRun(_) | CommandError::Missing(_) => {
                (StatusCode::NOT_FOUND, "not-found")
            }
            CommandError::Over { .. } => (StatusCode::CONFLICT, "over"),
            CommandError::Forbidden { .. } => (StatusCode::FORBIDDEN, "forbidden"),
            CommandError::NotThisWay(_) => (StatusCode::FORBIDDEN, "not-this-way"),
            CommandError::Job => (StatusCode::FORBIDDEN, "job"),
            CommandError::Ineligible(_) => (StatusCode::FORBIDDEN, "ineligible"),
            CommandError::StillDying(..) => (StatusCode::GATEWAY_TIMEOUT, "still-dying"),
            CommandError::BadPolicy(_) => (StatusCode::UNPROCESSABLE_ENTITY, "bad-policy"),
            CommandError::Directory(refused) => {
                (StatusCode::from_u16(refused.kind.status()).unwrap_or(StatusCode::BAD_REQUEST), "directory")
            }
            CommandError::Wrong(_) => (StatusCode::UNPROCESSABLE_ENTITY, "wrong"),
            CommandError::NoJobs | CommandError::BadJob(_) => (StatusCode::FORBIDDEN, "no-job"),
            CommandError::NotReached { .. } | CommandError::NotTaken { .. } => (StatusCode::BAD_GATEWAY, "not-reached"),
            CommandError::Retention(_) => (StatusCode::SERVICE_UNAVAILABLE, "retention"),
            CommandError::Evidence(_) => (StatusCode::SERVICE_UNAVAILABLE, "evidence"),
            CommandError::Incident(_) => (StatusCode::SERVICE_UNAVAILABLE, "incident"),
            CommandError::Ledger(_) => (StatusCode::SERVICE_UNAVAILABLE, "ledger"),
            CommandError::Broken => (StatusCode::INTERNAL_SERVER_ERROR, "broken"),
        };
        Self::new(status, kind, error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"weir\""));
        }
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}
