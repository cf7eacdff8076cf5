//! The routes that are the same at the socket and on the web, each with the role without which nothing there can be done.

use super::{blocks, glass, grants, holds, me, notifiers, owners, reload, root_alone, runs, sessions, tokens};
use crate::control::{Desk, Role};
use axum::Router;
use axum::middleware;
use axum::routing::{MethodRouter, get, post};

/// One method of one path.
pub(super) struct Route {
    pub(super) role: Role,
    pub(super) path: &'static str,
    pub(super) handler: MethodRouter<Desk>,
    /// Whether at the socket, where everybody may connect, only root gets there.
    root: bool,
}

/// All of them. The role is the least that it takes somewhere; for what is asked, `control` decides.
pub(super) fn all() -> Vec<Route> {
    vec![
        route(Role::Viewer, "/v1/me", get(me)),
        route(Role::Viewer, "/v1/sessions", get(sessions::list)).for_root(),
        route(Role::Operator, "/v1/sessions/{id}/kill", post(sessions::kill)).for_root(),
        route(Role::Admin, "/v1/policy/reload", post(reload)).for_root(),
        route(Role::Viewer, "/v1/holds", get(holds::list)),
        route(Role::Viewer, "/v1/holds/{id}", get(holds::show)),
        route(Role::Approver, "/v1/holds/{id}/approve", post(holds::approve)),
        route(Role::Approver, "/v1/holds/{id}/deny", post(holds::deny)),
        route(Role::Viewer, "/v1/grants", get(grants::list)),
        route(Role::Viewer, "/v1/grants", post(grants::request)),
        route(Role::Approver, "/v1/grants/{id}/approve", post(grants::approve)),
        route(Role::Approver, "/v1/grants/{id}/deny", post(grants::deny)),
        route(Role::Viewer, "/v1/grants/{id}/revoke", post(grants::revoke)),
        route(Role::Viewer, "/v1/blocks", get(blocks::list)),
        route(Role::Operator, "/v1/blocks", post(blocks::add)),
        route(Role::Operator, "/v1/blocks/{id}/lift", post(blocks::lift)),
        route(Role::Viewer, "/v1/break-glass", get(glass::list)),
        route(Role::Viewer, "/v1/break-glass", post(glass::break_glass)),
        route(Role::Admin, "/v1/break-glass/codes", post(glass::codes)),
        route(Role::Operator, "/v1/break-glass/{id}/end", post(glass::end)),
        route(Role::Auditor, "/v1/break-glass/{id}/review", post(glass::review)),
        route(Role::Operator, "/v1/notifiers", get(notifiers::list)),
        route(Role::Operator, "/v1/notifiers/{name}/test", post(notifiers::test)),
        route(Role::Viewer, "/v1/owners", get(owners::list)),
        route(Role::Viewer, "/v1/owners/take", post(owners::take)),
        route(Role::Operator, "/v1/runs/{id}/freeze", post(runs::freeze)),
        route(Role::Operator, "/v1/runs/{id}/thaw", post(runs::thaw)),
        route(Role::Operator, "/v1/runs/{id}/kill", post(runs::kill)),
        route(Role::Viewer, "/v1/tokens", get(tokens::list)),
        route(Role::Viewer, "/v1/tokens", post(tokens::make)),
        route(Role::Viewer, "/v1/tokens/{id}/revoke", post(tokens::revoke)),
    ]
}

/// As they are at a socket.
pub(super) fn at_socket() -> Router<Desk> {
    all().into_iter().fold(Router::new(), |router, Route { path, handler, root, .. }| {
        let handler = if root { handler.layer(middleware::from_fn(root_alone)) } else { handler };
        router.route(path, handler)
    })
}

const fn route(role: Role, path: &'static str, handler: MethodRouter<Desk>) -> Route {
    Route { role, path, handler, root: false }
}

impl Route {
    fn for_root(self) -> Self {
        Self { root: true, ..self }
    }
}
