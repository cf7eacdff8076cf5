//! `/v1/openapi.json`: the API, described (OpenAPI 3.1). The same text stands in `docs/openapi.json`.

use super::problem::Problem;
use super::routes;
use axum::Json;
use axum::response::{IntoResponse, Response};
use std::sync::OnceLock;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, Ref, ResponseBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

const ABOUT: &str = "Everything that the console and the command line do. Who asks is shown by a token \
    (`Authorization: Bearer weir_…`) or a browser's session. What somebody may not see is not there for them. A POST with an \
    `Idempotency-Key` is done once in 24 hours. Whatever goes wrong is answered with `application/problem+json` (RFC 9457).";

/// The description.
pub(super) async fn show() -> Response {
    static TEXT: OnceLock<OpenApi> = OnceLock::new();
    Json(TEXT.get_or_init(document)).into_response()
}

/// All routes, each with the role that it takes.
#[must_use]
pub fn document() -> OpenApi {
    let info = InfoBuilder::new().title("weir").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT));
    let license = License::builder().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let mut components = Components::new();
    let mut api = OpenApiBuilder::new().info(info.license(Some(license)).build()).build();
    for route in routes::all() {
        let (schemas, mut paths, _) = route.api;
        components.schemas.extend(schemas);
        for item in paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
                complete(operation, route.role.name());
            }
        }
        api.paths.merge(paths);
    }
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of `weir token create`.")).build();
    components.add_security_scheme("token", SecurityScheme::Http(token));
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description("__Host-weir", "A browser's session, by way of /auth/login."));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    api.components = Some(components);
    let none: [&str; 0] = [];
    api.security = Some(vec![SecurityRequirement::new("token", none), SecurityRequirement::new("session", none)]);
    api
}

/// What is the same for all of them.
fn complete(operation: &mut Operation, role: &str) {
    let schema = Ref::from_schema_name(Problem::name());
    let problem = ResponseBuilder::new().description("What is wrong, and what to do.");
    let problem = problem.content("application/problem+json", ContentBuilder::new().schema(Some(schema)).build());
    operation.responses.responses.insert("default".to_owned(), problem.build().into());
    operation.extensions = Some(Extensions::builder().add("x-weir-role", role).build());
}
