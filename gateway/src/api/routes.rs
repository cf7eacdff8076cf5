//! The routes that are the same at the socket and on the web, each with the role without which nothing there can be done.

use super::{
    alerts, blocks, events, glass, grants, holds, incidents, looks, notifiers, own, owners, records, root_alone, runs, sessions,
    sinks, tokens, unseals,
};
use crate::control::{Desk, Role};
use axum::Router;
use axum::middleware;
use axum::routing::MethodRouter;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

/// One method of one path, and its description.
pub(super) struct Route {
    pub(super) role: Role,
    pub(super) api: UtoipaMethodRouter<Desk>,
    /// Whether at the socket, where everybody may connect, only root gets there.
    root: bool,
}

/// All of them. The role is the least that it takes somewhere; for what is asked, `control` decides.
pub(super) fn all() -> Vec<Route> {
    vec![
        route(Role::Viewer, routes!(own::me)),
        route(Role::Viewer, routes!(sessions::list)).for_root(),
        route(Role::Operator, routes!(sessions::kill)).for_root(),
        route(Role::Viewer, routes!(records::list)).for_root(),
        route(Role::Viewer, routes!(records::show)).for_root(),
        route(Role::Viewer, routes!(records::frames)).for_root(),
        route(Role::Viewer, routes!(records::verify)).for_root(),
        route(Role::Auditor, routes!(records::verify_all)).for_root(),
        route(Role::Admin, routes!(records::prune)).for_root(),
        route(Role::Viewer, routes!(looks::workloads)).for_root(),
        route(Role::Viewer, routes!(looks::targets)).for_root(),
        route(Role::Viewer, routes!(looks::policy)).for_root(),
        route(Role::Viewer, routes!(looks::versions)).for_root(),
        route(Role::Viewer, routes!(looks::version)).for_root(),
        route(Role::Viewer, routes!(looks::check)).for_root(),
        route(Role::Admin, routes!(own::reload)).for_root(),
        route(Role::Viewer, routes!(looks::health)).for_root(),
        route(Role::Viewer, routes!(looks::log)).for_root(),
        route(Role::Viewer, routes!(looks::stats)).for_root(),
        route(Role::Viewer, routes!(events::listen)).for_root(),
        route(Role::Viewer, routes!(holds::list)),
        route(Role::Viewer, routes!(holds::show)),
        route(Role::Approver, routes!(holds::approve)),
        route(Role::Approver, routes!(holds::deny)),
        route(Role::Viewer, routes!(grants::list)),
        route(Role::Viewer, routes!(grants::request)),
        route(Role::Approver, routes!(grants::approve)),
        route(Role::Approver, routes!(grants::deny)),
        route(Role::Viewer, routes!(grants::revoke)),
        route(Role::Viewer, routes!(blocks::list)),
        route(Role::Operator, routes!(blocks::add)),
        route(Role::Operator, routes!(blocks::lift)),
        route(Role::Viewer, routes!(alerts::list)),
        route(Role::Viewer, routes!(alerts::show)),
        route(Role::Viewer, routes!(alerts::snoozes)),
        route(Role::Operator, routes!(alerts::snooze)),
        route(Role::Operator, routes!(alerts::lift)),
        route(Role::Viewer, routes!(glass::list)),
        route(Role::Viewer, routes!(glass::break_glass)),
        route(Role::Admin, routes!(glass::codes)),
        route(Role::Operator, routes!(glass::end)),
        route(Role::Auditor, routes!(glass::review)),
        route(Role::Operator, routes!(notifiers::list)),
        route(Role::Operator, routes!(notifiers::test)),
        route(Role::Operator, routes!(sinks::list)),
        route(Role::Operator, routes!(sinks::test)),
        route(Role::Viewer, routes!(owners::list)),
        route(Role::Viewer, routes!(owners::take)),
        route(Role::Auditor, routes!(incidents::show)).for_root(),
        route(Role::Auditor, routes!(incidents::open)).for_root(),
        route(Role::Viewer, routes!(incidents::list)),
        route(Role::Auditor, routes!(incidents::set)),
        route(Role::Auditor, routes!(incidents::lift)),
        route(Role::Viewer, routes!(unseals::list)),
        route(Role::Viewer, routes!(unseals::show)),
        route(Role::Auditor, routes!(unseals::ask)),
        route(Role::Viewer, routes!(unseals::approve)),
        route(Role::Viewer, routes!(unseals::deny)),
        route(Role::Auditor, routes!(unseals::release)),
        route(Role::Operator, routes!(runs::freeze)),
        route(Role::Operator, routes!(runs::thaw)),
        route(Role::Operator, routes!(runs::kill)),
        route(Role::Viewer, routes!(tokens::list)),
        route(Role::Viewer, routes!(tokens::make)),
        route(Role::Viewer, routes!(tokens::revoke)),
    ]
}

/// As they are at a socket.
pub(super) fn at_socket() -> Router<Desk> {
    all().into_iter().fold(Router::new(), |router, route| {
        let path = route.path();
        let handler = route.api.2;
        let handler = if route.root { handler.layer(middleware::from_fn(root_alone)) } else { handler };
        router.route(&path, handler)
    })
}

const fn route(role: Role, api: UtoipaMethodRouter<Desk>) -> Route {
    Route { role, api, root: false }
}

impl Route {
    fn for_root(self) -> Self {
        Self { root: true, ..self }
    }

    /// Its path, with names in braces.
    pub(super) fn path(&self) -> String {
        self.api.1.paths.keys().next().cloned().unwrap_or_default()
    }

    /// What answers.
    pub(super) fn handler(self) -> MethodRouter<Desk> {
        self.api.2
    }
}
