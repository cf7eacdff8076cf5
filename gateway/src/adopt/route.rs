//! Which of Docker's requests a job may make, and what is to be known or changed before the engine gets one.
//!
//! The paths: Docker Engine API 1.41. A request that is not in this list is refused.

use super::refusal::Refused;
use hyper::Method;

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// It goes through as it is: it tells of the engine, or of images.
    Pass,
    /// It makes a container: rewritten.
    Create,
    /// It makes a process in a container of the job's: checked.
    ExecCreate(String),
    /// It is about this container, which must be the job's.
    Container(String),
    /// It is about this process in a container, which must be the job's.
    Exec(String),
    /// It lists containers: the job sees its own.
    List,
    /// It makes a network: checked.
    NetworkCreate,
    /// It removes a network, which must be the job's.
    Network(String),
    /// It joins a container to a network: the container must be the job's.
    NetworkJoin,
    /// It makes a volume: checked.
    VolumeCreate,
    /// It is about this volume: the run's own of that name.
    Volume(String),
    /// It has the engine fetch an image from elsewhere.
    Pull,
}

/// The route of a request, or why there is none.
pub(super) fn route(method: &Method, path: &str) -> Result<Route, Refused> {
    let unknown = || Refused::new(&format!("{method} {path}"), "a job may not ask the engine for this");
    // The engine decodes what this would compare as it stands.
    if path.contains('%') || path.contains("//") || path.contains("..") {
        return Err(Refused::new("the path", "it is not in its plainest form"));
    }
    let parts: Vec<&str> = unversioned(path).trim_start_matches('/').split('/').collect();
    let id = |id: &str| if is_id(id) { Ok(id.to_owned()) } else { Err(Refused::new("the container's name", "it is none")) };
    let read = *method == Method::GET || *method == Method::HEAD;
    let post = *method == Method::POST;
    let delete = *method == Method::DELETE;
    Ok(match parts.as_slice() {
        ["_ping" | "version" | "info"] if read => Route::Pass,
        ["images", "json"] if read => Route::Pass,
        ["images", .., "json" | "history"] if read => Route::Pass,
        ["images", "load"] if post => Route::Pass,
        ["images", "create"] if post => Route::Pull,
        ["containers", "json"] if read => Route::List,
        ["containers", "create"] if post => Route::Create,
        ["containers", name, "json" | "logs" | "top" | "stats" | "changes" | "export" | "archive"] if read => {
            Route::Container(id(name)?)
        }
        ["containers", name, "archive"] if *method == Method::PUT => Route::Container(id(name)?),
        ["containers", name, "start" | "stop" | "restart" | "kill" | "wait" | "pause" | "unpause" | "resize" | "attach"]
            if post =>
        {
            Route::Container(id(name)?)
        }
        ["containers", name, "exec"] if post => Route::ExecCreate(id(name)?),
        ["containers", name] if delete => Route::Container(id(name)?),
        ["exec", name, "json"] if read => Route::Exec(id(name)?),
        ["exec", name, "start" | "resize"] if post => Route::Exec(id(name)?),
        ["networks"] if read => Route::Pass,
        ["networks", "create"] if post => Route::NetworkCreate,
        ["networks", _, "connect" | "disconnect"] if post => Route::NetworkJoin,
        ["networks", _] if read => Route::Pass,
        ["networks", name] if delete => Route::Network(id(name)?),
        ["volumes", "create"] if post => Route::VolumeCreate,
        ["volumes", name] if read || delete => Route::Volume(id(name)?),
        _ => return Err(unknown()),
    })
}

/// The path without `/v1.41`.
fn unversioned(path: &str) -> &str {
    let Some(rest) = path.strip_prefix("/v") else { return path };
    match rest.find('/') {
        Some(end) if rest[..end].bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => &rest[end..],
        _ => path,
    }
}

/// A container's id or name.
fn is_id(text: &str) -> bool {
    super::create::is_name(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_needs_has_a_route() {
        for (method, path, expected) in [
            (Method::HEAD, "/_ping", Route::Pass),
            (Method::GET, "/v1.41/info", Route::Pass),
            (Method::POST, "/v1.41/containers/create", Route::Create),
            (Method::POST, "/containers/create", Route::Create),
            (Method::POST, "/v1.41/containers/abc123/start", Route::Container("abc123".to_owned())),
            (Method::POST, "/v1.41/containers/abc/attach", Route::Container("abc".to_owned())),
            (Method::POST, "/v1.41/containers/abc/exec", Route::ExecCreate("abc".to_owned())),
            (Method::POST, "/v1.41/exec/f00/start", Route::Exec("f00".to_owned())),
            (Method::GET, "/v1.41/containers/json", Route::List),
            (Method::DELETE, "/v1.41/containers/abc", Route::Container("abc".to_owned())),
            (Method::POST, "/v1.41/images/create", Route::Pull),
            (Method::DELETE, "/v1.41/networks/n", Route::Network("n".to_owned())),
            (Method::GET, "/v1.41/images/docker.io/library/busybox/json", Route::Pass),
        ] {
            assert_eq!(route(&method, path), Ok(expected), "{method} {path}");
        }
    }

    #[test]
    fn what_speaks_for_the_job_elsewhere_or_reaches_the_engine_is_refused() {
        for (method, path) in [
            (Method::POST, "/v1.41/images/evil.example/x/push"),
            (Method::POST, "/v1.41/build"),
            (Method::POST, "/v1.41/session"),
            (Method::POST, "/v1.41/grpc"),
            (Method::POST, "/v1.41/auth"),
            (Method::POST, "/v1.41/commit"),
            (Method::POST, "/v1.41/containers/abc/update"),
            (Method::POST, "/v1.41/containers/abc/rename"),
            (Method::POST, "/v1.41/containers/prune"),
            (Method::POST, "/v1.41/plugins/pull"),
            (Method::POST, "/v1.41/swarm/init"),
            (Method::POST, "/v1.41/services/create"),
            (Method::GET, "/v1.41/events"),
            (Method::GET, "/v4.0.0/libpod/containers/json"),
            (Method::POST, "/v4.0.0/libpod/containers/create"),
            (Method::POST, "/v1.41/containers/%63reate"),
            (Method::POST, "/v1.41//containers/create"),
            (Method::POST, "/v1.41/containers/../containers/create"),
            (Method::POST, "/v1.41x/containers/create"),
            (Method::PATCH, "/v1.41/containers/create"),
            (Method::POST, "/v1.41/containers/a:b/start"),
        ] {
            assert!(route(&method, path).is_err(), "{method} {path}");
        }
    }
}
