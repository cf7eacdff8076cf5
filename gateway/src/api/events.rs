//! `/v1/events`: what happens, as server-sent events. Sessions come as differences each second, events of what people decide by
//! their numbers: who comes back with `Last-Event-ID` misses none.

use super::asker::Asker;
use super::problem::Problem;
use super::web::Still;
use crate::control::look::{Look, Sample, Shown};
use crate::control::{Actor, Command, CommandError, Desk, LiveSession, Now, Reply};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use serde::Serialize;
use serde_json::json;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// How often sessions are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is looked whether who listens is still let in.
const CHECK: Duration = Duration::from_secs(5);
/// How long silence may last before something is sent that is not for anybody.
const SILENCE: Duration = Duration::from_secs(15);

/// What happens.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "events",
    operation_id = "listen",
    responses((
        status = 200,
        description = "Server-sent events `sessions` (opened, changed and closed ones), `control` (each has the number of its event as its id), `sample` (as /v1/stats has them) and `bye` (nobody is let in with that any more).",
        content_type = "text/event-stream",
        body = String
    ))
)]
pub(super) async fn listen(State(desk): State<Desk>, Asker(actor): Asker, request: Request) -> Response {
    let Some(place) = desk.place_to_listen() else {
        let what = "as many listen as may: close a page of the console, or ask /v1/sessions now and then";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too-many", what).into_response();
    };
    let after = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let still = request.extensions().get::<Still>().cloned();
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let closing = desk.closing();
    let feed = Feed {
        desk,
        actor,
        still,
        ticks,
        closing,
        sessions: None,
        after,
        sampled: None,
        checked: Instant::now(),
        waiting: VecDeque::new(),
        over: false,
        _place: place,
    };
    let events = stream::unfold(feed, |mut feed| async move { Some((Ok::<_, Infallible>(feed.next().await?), feed)) });
    Sse::new(events).keep_alive(KeepAlive::new().interval(SILENCE)).into_response()
}

/// What one listener was told, and will be.
struct Feed {
    desk: Desk,
    actor: Actor,
    /// None at a socket: the kernel does not change its mind.
    still: Option<Still>,
    ticks: Interval,
    closing: watch::Receiver<bool>,
    /// What was told of each session; nothing was told yet where there is none.
    sessions: Option<HashMap<SessionId, Now>>,
    /// The last event that was told.
    after: Option<u64>,
    sampled: Option<Timestamp>,
    checked: Instant,
    waiting: VecDeque<Event>,
    over: bool,
    _place: OwnedSemaphorePermit,
}

/// How sessions differ from what was told before.
#[derive(Serialize)]
struct Difference {
    /// Nothing was told before.
    reset: bool,
    opened: Vec<LiveSession>,
    changed: Vec<Changed>,
    closed: Vec<SessionId>,
}

#[derive(Serialize)]
struct Changed {
    session: SessionId,
    #[serde(flatten)]
    now: Now,
}

impl Feed {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            tokio::select! {
                biased;
                _stops = self.closing.wait_for(|closing| *closing) => return None,
                _ = self.ticks.tick() => {}
            }
            if self.checked.elapsed() >= CHECK && !self.check().await {
                self.tell("bye", &json!({ "reason": "who asks is not let in any more: sign in again" }));
                self.over = true;
            } else if let Err(error) = self.look().await {
                tracing::warn!(%error, "what happens can't be told: whoever listens has to come back");
                self.over = true;
            }
        }
    }

    /// Whether who listens is still let in; what they may, may have changed.
    async fn check(&mut self) -> bool {
        self.checked = Instant::now();
        let Some(still) = &self.still else { return true };
        match still.actor().await {
            Some(actor) => {
                self.actor = actor;
                true
            }
            None => false,
        }
    }

    async fn look(&mut self) -> Result<(), CommandError> {
        if let Reply::Sessions(sessions) = self.ask(Command::ListSessions).await? {
            self.compare(sessions);
        }
        if let Reply::Shown(Shown::Events(found)) = self.ask(Command::Look(Look::Events { after: self.after })).await? {
            for event in found.events {
                let made = Event::default().id(event.number.to_string()).event("control").json_data(&event);
                self.waiting.extend(made.ok());
            }
            self.after = Some(found.last);
        }
        // Whoever may not see how the gateway is does not get this.
        if let Some(sample) = self.desk.last_sample(&self.actor).filter(|sample| self.sampled != Some(sample.at)) {
            self.sampled = Some(sample.at);
            self.tell::<Sample>("sample", &sample);
        }
        Ok(())
    }

    async fn ask(&self, command: Command) -> Result<Reply, CommandError> {
        self.desk.handle(&self.actor, command).await
    }

    fn compare(&mut self, sessions: Vec<LiveSession>) {
        let reset = self.sessions.is_none();
        let mut told = self.sessions.take().unwrap_or_default();
        let mut now = HashMap::with_capacity(sessions.len());
        let mut difference = Difference { reset, opened: Vec::new(), changed: Vec::new(), closed: Vec::new() };
        for session in sessions {
            now.insert(session.session, session.now.clone());
            match told.remove(&session.session) {
                Some(before) if before == session.now => {}
                Some(_) => difference.changed.push(Changed { session: session.session, now: session.now }),
                None => difference.opened.push(session),
            }
        }
        difference.closed = told.into_keys().collect();
        self.sessions = Some(now);
        if reset || !(difference.opened.is_empty() && difference.changed.is_empty() && difference.closed.is_empty()) {
            self.tell("sessions", &difference);
        }
    }

    fn tell<T: Serialize>(&mut self, name: &str, value: &T) {
        self.waiting.extend(Event::default().event(name).json_data(value).ok());
    }
}
