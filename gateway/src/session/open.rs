//! A session from its acceptance to its end: origin, identity, decision, then the relay's errands.

use crate::catalog;
use crate::config::TargetSettings;
use crate::credential;
use crate::identity::IdentityInput;
use crate::ledger::HoldState;
use crate::names::known;
use crate::origin::{self, Origin};
use crate::session::context::{self, Shared};
use crate::session::dial::{self, SideAccess, Vantage};
use crate::session::enforce::{self, Enforcer, Gateway, Limits};
use crate::session::gate::{Gate, Refused, decision, tell};
use crate::session::judge::{Judged, judge, refusal};
use crate::session::kill;
use crate::session::live::{Account, KillOutcome, Session};
use crate::session::names;
use crate::session::owner::{self, involved};
use crate::session::people;
use crate::session::place::{self, Found};
use crate::session::relay::{Action, Relay, Step};
use crate::session::totals::Slot;
use crate::session::transport::{Peer, Transport};
use crate::telemetry;
use crate::tls::{self, ClientMode, UpstreamMode};
use gateway_core::control::hold::{self, Terms};
use gateway_core::model::principal::Principal;
use gateway_core::model::target::ProtocolName;
use gateway_core::policy::{Decision, Mode, Permit};
use gateway_core::protocol::{Answer, Credential, Interest, Protocol, Refusal, Side, opaque, postgres};
use gateway_core::record::FrameKind;
use serde_json::json;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long reading a process's identity may take. The hash of a large executable is the slow part.
const IDENTITY_PATIENCE: Duration = Duration::from_secs(10);

/// Serves one accepted connection until it is over and recorded.
pub async fn session(shared: &Arc<Shared>, tcp: TcpStream) {
    let origin = match arrive(shared, &tcp) {
        Ok(origin) => origin,
        Err(error) => {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%error, "refused: a connection of unknown origin");
            return reset(&tcp);
        }
    };
    if shared.canary.takes(&origin) {
        return;
    }
    // What is awaited before the session has memory of its own while it takes: the session is there for longer.
    let Some(principal) = Box::pin(identify(shared, input(&origin))).await else { return reset(&tcp) };
    let address = origin.original.canonical();
    let netns = shared.doors.of(origin.netns_cookie).map(|door| Arc::clone(door.namespace()));
    if address.port() == known::DNS {
        let mut tcp = tcp;
        if let Err(error) = Box::pin(names::serve(shared, &mut tcp, &principal)).await {
            tracing::debug!(%error, run = %principal.run, "a connection with questions broke");
        }
        return;
    }
    let Found { place, rebound } = place::find(shared, principal.run, address, Vantage::is_host_for(netns.as_ref(), address));
    let settings = shared.settings(&place.target);
    let vantage = Vantage::of(netns, settings);
    // Names at the server that someone can guess are none of the session's own.
    let nonce = match credential::random_text() {
        Ok(nonce) => nonce,
        Err(error) => {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            tracing::error!(%error, "refused: a session whose names at the server could be guessed");
            return reset(&tcp);
        }
    };
    let id = context::new_session();
    // Entered before its first decision, so that a kill can't fall between the two.
    let registration = shared.live.register(Session::new(id, principal, place, address));
    let session = Arc::clone(&registration.session);
    let meter = shared.totals.meter(&session.principal);
    meter.connected();
    let decision = judge(shared, &session, meter.totals(0));
    let most = settings.and_then(|settings| settings.max_connections);
    let slot = most.map(|most| shared.totals.slot(&format!("{}/connections", session.target.name), most).ok_or(most));
    let refused = at_the_door(&session, &decision, &slot);
    shared.begun.fetch_add(1, Ordering::Relaxed);
    // Gone once it is written: a session keeps no more than it needs.
    let begun = shared.store.begin(id, session.run, &opened(shared, &session, &origin, &decision, refused.as_ref(), &rebound));
    let recorder = match begun {
        Ok(recorder) => recorder,
        Err(error) => {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            tracing::error!(session = %id, %error, "refused: the session can't be recorded");
            return reset(&tcp);
        }
    };
    session.is_recorded(recorder.doing());
    let refused = refused.filter(|_| decision.mode == Mode::Enforce || decision.is_barred());
    if refused.is_some() {
        shared.refused.fetch_add(1, Ordering::Relaxed);
    }
    let admission = match (decision.permit(), refused) {
        (Some(permit), None) => Admission::Given(permit),
        (_, Some(refused)) => Admission::Refused(refused.refusal),
        (None, None) if decision.waits() => Admission::Held(decision.decision.holds.clone(), decision.decision.message.clone()),
        (None, None) => Admission::Refused(decision.refusal(&session)),
    };
    let enforcer = enforcer(shared, settings, &session, decision.mode);
    let limits = &shared.config.limits;
    let mut relay = Relay::new(
        engine(shared, settings, &session, &decision.decision, enforcer.as_ref(), nonce),
        Peer::new(tcp),
        Arc::clone(&session),
        recorder,
        limits.startup,
        shared.config.record.flush,
    );
    if let Some(failure) = &session.principal.attestation_failure {
        let fields = json!({ "issuer": failure.issuer, "failure": failure.kind, "reason": failure.reason });
        relay.note(FrameKind::Note, &finding("attestation", fields));
    }
    if let Some(note) = shared.shadow.at_the_door(&session, &decision) {
        relay.note(FrameKind::Note, &note);
    }
    match enforcer {
        Some(enforcer) => relay.enforce(enforcer),
        None => relay.guard(Gate::new(Arc::clone(shared), Arc::clone(&session), meter, None)),
    }
    let _place_on_the_target = slot;
    let access = SideAccess::new(address, settings);
    drop((decision, origin, rebound));
    // Apart: what an `async fn` is given has a place in each future that it is handed on through.
    Box::new(Errand { shared, session, settings, relay, access, vantage, admission, from_server: 0 }).run().await;
    drop(registration);
}

/// Ends a connection with a reset.
pub fn reset(tcp: &TcpStream) {
    // A connection that is gone already needs no reset.
    let _gone = socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO)).is_err();
}

fn arrive(shared: &Shared, tcp: &TcpStream) -> Result<Origin, origin::OriginError> {
    tcp.set_nodelay(true).map_err(origin::OriginError::Socket)?;
    origin::resolve(tcp.as_fd(), &shared.capture, &shared.doors)
}

const fn input(origin: &Origin) -> IdentityInput {
    IdentityInput {
        pid: origin.pid,
        started_boottime_ns: origin.started_boottime_ns,
        uid: origin.uid,
        gid: origin.gid,
        cgroup_id: origin.cgroup_id,
        run: origin.run,
        executable: origin.executable,
    }
}

/// Reads `/proc`, which may block, away from the data plane's thread.
pub(super) async fn identify(shared: &Arc<Shared>, input: IdentityInput) -> Option<Principal> {
    let pid = input.pid;
    let attesting = shared;
    let shared = Arc::clone(shared);
    let reading = tokio::task::spawn_blocking(move || shared.resolver.resolve(&input));
    match tokio::time::timeout(IDENTITY_PATIENCE, reading).await {
        Ok(Ok(principal)) => {
            let mut principal = attesting.resolver.attest(principal).await;
            let in_force = attesting.ledger.in_force();
            if let Some(binding) = in_force.bindings.get(&principal.run) {
                principal.owner.get_or_insert_with(|| binding.who.name.clone());
                principal.person = Some(binding.who.clone());
            }
            if let Some(owner) = owner::taken(&in_force, &principal, principal.owner.as_deref()) {
                principal.owner = Some(owner.to_owned());
            }
            Some(principal)
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "refused: the job's identity could not be read by a fault of ours");
            None
        }
        // A job can make reads of its own memory block, and its `/proc` files with them.
        Err(_elapsed) => {
            tracing::error!(pid, "refused: the job's identity could not be read in time");
            None
        }
    }
}

/// What the job is told where it may not connect, or would be told in observe mode.
fn at_the_door(session: &Session, judged: &Judged, slot: &Option<Result<Slot, u64>>) -> Option<Refused> {
    let place = session.place();
    if let Some(why) = place::resolver(&place, session.address) {
        return Some(Refused::by_resolver(session, &why));
    }
    if judged.block.is_some() {
        return Some(Refused { reason: "block", refusal: judged.refusal(session) });
    }
    if judged.barred().is_some() {
        return Some(Refused { reason: "owner_left", refusal: judged.refusal(session) });
    }
    if !judged.decision.allows() && !judged.waits() {
        return Some(Refused { reason: "policy", refusal: judged.refusal(session) });
    }
    let Some(Err(most)) = slot else { return None };
    let refusal = refusal(session, &format!(": {most} sessions are connected to it"), "its max_connections");
    Some(Refused { reason: "max_connections", refusal })
}

fn opened(
    shared: &Shared,
    session: &Session,
    origin: &Origin,
    judged: &Judged,
    refused: Option<&Refused>,
    rebound: &[String],
) -> serde_json::Value {
    let place = session.place();
    json!({
        "session": session.id,
        "run": session.run,
        "principal": session.principal,
        "target": session.target,
        "original": session.address.to_string(),
        "client": origin.client.to_string(),
        "name": place.known.host,
        "names": place.known.names,
        "names_that_do_not_count": rebound,
        "credential": credential_of(shared.settings(&place.target)),
        "decision": decision(judged, refused),
        "gateway_version": env!("CARGO_PKG_VERSION"),
        "clock": crate::capture::clock(),
        "host": shared.resolver.host(),
    })
}

/// Which credential the server gets, by its reference; none where the target's protocol has none.
fn credential_of(settings: Option<&TargetSettings>) -> Option<serde_json::Value> {
    let settings = settings.filter(|settings| settings.protocol == ProtocolName::Postgres)?;
    Some(match &settings.credential {
        Some((source, user)) => json!({ "source": source.to_string(), "user": user }),
        None => json!({ "source": "passthrough", "user": null }),
    })
}

/// How far the protocol insists on TLS; whom it trusts is not its business.
const fn server_tls(mode: UpstreamMode) -> postgres::ServerTls {
    match mode {
        UpstreamMode::Disable => postgres::ServerTls::Never,
        UpstreamMode::Prefer => postgres::ServerTls::Prefer,
        UpstreamMode::Require | UpstreamMode::VerifyCa | UpstreamMode::VerifyFull => postgres::ServerTls::Require,
    }
}

/// A judge for a session whose operations can be told apart.
fn enforcer(shared: &Arc<Shared>, settings: Option<&TargetSettings>, session: &Arc<Session>, mode: Mode) -> Option<Enforcer> {
    let settings = settings.filter(|settings| settings.protocol == ProtocolName::Postgres)?;
    let limits = Limits { max_concurrent: settings.max_concurrent, statement_time: settings.statement_time };
    let enforcer = Enforcer::new(Arc::new(Gateway::new(Arc::clone(shared))), Arc::clone(session), mode, limits);
    let masks = shared.masking.concerns(&settings.name);
    Some(if masks { enforcer.with_masking(Arc::clone(&shared.masking)) } else { enforcer })
}

fn engine(
    shared: &Shared,
    settings: Option<&TargetSettings>,
    session: &Session,
    decision: &Decision,
    enforcer: Option<&Enforcer>,
    nonce: String,
) -> Box<dyn Protocol> {
    let Some(settings) = settings.filter(|settings| settings.protocol == ProtocolName::Postgres) else {
        return Box::new(opaque::Session::new());
    };
    let record = &shared.config.record;
    let (result_rows, result_bytes) = record.result_limits(decision.record);
    Box::new(postgres::Session::new(postgres::Settings {
        client_tls: settings.client.mode != ClientMode::Off,
        require_client_tls: settings.client.mode == ClientMode::Require,
        server_tls: server_tls(settings.upstream.mode),
        passthrough: settings.credential.is_none(),
        replication: settings.replication,
        interest: Interest {
            operations: enforcer.is_some(),
            executions: enforcer.is_some_and(Enforcer::executions),
            result_rows,
            result_bytes,
            parameter_bytes: record.parameter_bytes,
            digests: record.digests(decision.record),
            sealed: record.seal_to.is_some(),
            texts: enforcer.is_none_or(|enforcer| !enforcer.records_texts()),
            masks: enforcer.is_some_and(Enforcer::masks),
            payloads: enforcer.is_none_or(Enforcer::passes_payloads),
        },
        nonce,
        application_tag: settings.tag_sessions.then(|| format!("weir:{}", session.id)),
        limits: postgres::Limits { statement: shared.config.limits.statement_bytes, ..postgres::Limits::default() },
    }))
}

/// What a session needs for the relay's errands.
struct Errand<'a> {
    shared: &'a Arc<Shared>,
    session: Arc<Session>,
    settings: Option<&'a TargetSettings>,
    relay: Relay,
    access: SideAccess,
    vantage: Vantage,
    admission: Admission,
    /// Bytes that a server sent that is gone.
    from_server: u64,
}

/// Whether a session may dial.
enum Admission {
    Given(Permit),
    /// What the job is told instead.
    Refused(Refusal),
    /// What people are asked for first, and why.
    Held(Vec<Terms>, Option<String>),
}

impl Errand<'_> {
    async fn run(mut self: Box<Self>) {
        let (reason, outcome) = loop {
            match self.relay.run().await {
                // Seldom, and large: it has memory while it takes.
                Step::Do(action) => Box::pin(self.perform_unless_killed(action)).await,
                Step::Closed(reason) => break (reason.to_string(), None),
                Step::Broken(side, error) => break (format!("{side:?} broke: {error}"), None),
                Step::Late => {
                    self.relay.refuse(&Refusal {
                        code: "08006",
                        message: "weir: the session was not open in time".to_owned(),
                        detail: format!("session {}", self.session.id),
                        hint: "limits.startup_seconds is how long it may take".to_owned(),
                        position: None,
                    });
                }
                Step::Full => self.room_unless_killed().await,
                Step::Unrecordable => {
                    // A record that can't be written stops its session.
                    self.relay.client.reset();
                    break ("the record can't be written".to_owned(), None);
                }
                Step::Killed => {
                    let outcome = Box::pin(self.kill()).await;
                    break ("killed".to_owned(), Some(outcome));
                }
            }
        };
        Box::pin(self.end(&reason, outcome)).await;
    }

    async fn kill(&mut self) -> KillOutcome {
        let server = self.relay.server.take();
        self.from_server = server.as_ref().map_or(0, |peer| peer.received);
        let outcome = kill::kill(self.shared, &self.session, &self.access, &mut self.relay.client, server).await;
        tracing::info!(session = %self.session.id, how = outcome.how, confirmed = outcome.confirmed, "killed");
        outcome
    }

    async fn end(self, reason: &str, outcome: Option<KillOutcome>) {
        let totals = self.relay.totals();
        let ended = json!({
            "reason": reason,
            "statements": totals.statements,
            "rows": totals.rows,
            "masked_rows": totals.masked_rows,
            "errors": totals.errors,
            "bytes_from_client": self.relay.client.received,
            "bytes_from_server": self.relay.server.as_ref().map_or(self.from_server, |peer| peer.received),
            "kill": outcome.as_ref().map(|outcome| json!({ "order": self.session.kill_order(), "outcome": outcome })),
        });
        if let Some(outcome) = outcome {
            self.session.report(outcome);
        }
        self.relay.close(&ended).await;
    }

    async fn room_unless_killed(&mut self) {
        let session = Arc::clone(&self.session);
        tokio::select! {
            biased;
            () = session.killed() => {}
            () = self.relay.room() => {}
        }
    }

    async fn perform_unless_killed(&mut self, action: Action) {
        let session = Arc::clone(&self.session);
        tokio::select! {
            biased;
            () = session.killed() => {}
            () = self.perform(action) => {}
        }
    }

    async fn perform(&mut self, action: Action) {
        match action {
            Action::Dial { user, database, application } => self.dial(&user, database, &application).await,
            Action::StartTls(Side::Client) => self.client_tls().await,
            Action::StartTls(Side::Server) => self.server_tls().await,
            Action::Credential => self.credential(),
            Action::SaltPassword { salt, iterations } => self.salt(salt, iterations).await,
            Action::CancelRequest { pid, secret } => self.cancel(pid, &secret).await,
        }
    }

    async fn dial(&mut self, user: &str, database: String, application: &str) {
        let startup = json!({ "what": "startup", "user": user, "database": database, "application": application });
        self.relay.note(FrameKind::Note, &startup);
        if let Some(enforcer) = self.relay.enforcer() {
            enforcer.stands(Some(user), Some(&database));
        }
        self.session.asks_for(Account { user: user.to_owned(), database: database.clone() });
        self.access.database = database;
        if let Admission::Held(terms, message) = &self.admission {
            let (terms, message) = (terms.clone(), message.clone());
            self.admission = self.ask_people(&terms, user, message.as_deref()).await;
            // The time that it took was people's.
            self.relay.begin_again();
        }
        let permit = match &self.admission {
            Admission::Given(permit) => permit,
            Admission::Held(..) => return,
            Admission::Refused(refusal) => {
                tell(refusal);
                self.relay.refuse(refusal);
                if self.session.target.protocol == ProtocolName::Opaque {
                    // Nobody knows yet what it speaks: it is told as the kernel would tell it.
                    self.relay.client.reset();
                }
                return;
            }
        };
        let patience = self.shared.config.limits.dial;
        match dial::connect(permit, self.access.address, patience, &self.vantage, &self.shared.visitor).await {
            Ok(tcp) => {
                self.relay.server = Some(Peer::new(tcp));
                if self.session.target.protocol == ProtocolName::Opaque {
                    self.relay.opened();
                }
                match credential::random_secret() {
                    Ok(client_secret) => self.relay.answer(Answer::Dialled { client_secret }),
                    Err(error) => self.relay.refuse(&fault("58000", &format!("weir has no random numbers: {error}"))),
                }
            }
            Err(error) => {
                let text = format!("{} at {}: {error}", self.session.target.name, self.access.address);
                if self.session.target.protocol == ProtocolName::Opaque {
                    self.relay.note(FrameKind::Note, &json!({ "what": "dial_failed", "error": text }));
                }
                self.relay.answer(Answer::DialFailed(text));
                if self.session.target.protocol == ProtocolName::Opaque {
                    self.relay.client.reset();
                }
            }
        }
    }

    /// Has people asked whether the session may connect; held again where they were asked in vain.
    async fn ask_people(&mut self, terms: &[Terms], user: &str, message: Option<&str>) -> Admission {
        let session = Arc::clone(&self.session);
        let asked = people::connection(&session, terms, (user, &self.access.database), message);
        let involved = involved(&session.principal, &self.shared.ledger.in_force());
        let (id, ended) = people::ask(self.shared, &session, &asked, (terms, &involved), None);
        let notice = format!(
            "holds the connection to {}{}; it waits for {}, at most {} (hold {id}, session {})",
            session.target.name,
            message.map(|message| format!(": {message}")).unwrap_or_default(),
            enforce::who(terms),
            telemetry::duration(hold::wait(terms)),
            session.id
        );
        telemetry::inform_job(&notice);
        self.relay.note(FrameKind::Note, &json!({ "what": "hold", "hold": id, "state": HoldState::Waiting, "terms": terms }));
        let ended = tokio::select! {
            biased;
            () = self.relay.client.gone() => {
                self.relay.note(FrameKind::Note, &json!({ "what": "hold", "hold": id, "state": HoldState::Withdrawn }));
                return Admission::Refused(people::refusal(&session, id, "its client has gone"));
            }
            ended = ended => ended,
        };
        let ended = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(session = %session.id, %error, "nobody could be asked: refused");
                return Admission::Refused(people::refusal(&session, id, "nobody could be asked"));
            }
        };
        let note = json!({ "what": "hold", "hold": id, "state": ended.state, "votes": ended.votes, "answer": ended.answer });
        self.relay.note(FrameKind::Note, &note);
        if ended.state != HoldState::Approved {
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
            return Admission::Refused(people::refusal(&session, id, &enforce::outcome(&ended)));
        }
        session.admit(ended.votes);
        let judged = judge(self.shared, &session, self.shared.totals.meter(&session.principal).totals(0));
        let decided = decision(&judged, None);
        self.relay.note(FrameKind::Note, &json!({ "what": "admitted", "hold": id, "decision": decided }));
        match judged.permit() {
            Some(permit) => Admission::Given(permit),
            None => Admission::Refused(judged.refusal(&session)),
        }
    }

    async fn client_tls(&mut self) {
        let Some(settings) = self.settings else {
            return self.relay.refuse(&fault("08006", "weir has no certificate for this target"));
        };
        let Transport::Plain(tcp) = self.relay.client.detach() else { return };
        let early = std::mem::take(&mut self.relay.client.input);
        // Only direct TLS comes without being asked for, and so with its first bytes.
        let direct = !early.is_empty();
        let ip = self.access.address.ip();
        let established = match self.shared.server_side.config_for(&settings.client.source, settings.server_names(), ip) {
            Ok(config) => tls::accept(tcp, early.as_slice(), config).await,
            Err(error) => Err(error),
        };
        match established {
            // Direct TLS without ALPN is how cross-protocol attacks get in (PostgreSQL docs 55.2.11).
            Ok(stream) if direct && !tls::spoke_postgresql(&stream) => {
                self.relay.refuse(&fault("08P01", "weir: direct TLS without ALPN `postgresql`"));
            }
            Ok(stream) => {
                self.relay.client.attach(Transport::ClientTls(Box::new(stream)));
                self.relay.answer(Answer::TlsStarted { side: Side::Client, end_point: None });
            }
            Err(error) => {
                // Without TLS there is no way to tell the client more than its own library says.
                tracing::warn!(session = %self.session.id, %error, "no TLS with the job");
                self.relay.note(FrameKind::Note, &json!({ "what": "client_tls_failed", "error": error.to_string() }));
                self.relay.refuse(&fault("08006", "weir: no TLS"));
            }
        }
    }

    async fn server_tls(&mut self) {
        let Some(server) = &mut self.relay.server else { return };
        let Transport::Plain(tcp) = server.detach() else { return };
        match tls::connect(tcp, &self.access.tls, self.access.address.ip()).await {
            Ok((stream, end_point)) => {
                server.attach(Transport::ServerTls(Box::new(stream)));
                self.relay.answer(Answer::TlsStarted { side: Side::Server, end_point });
            }
            Err(error) => {
                let text = format!("{} at {}: {error}", self.session.target.name, self.access.address);
                self.relay.refuse(&fault("08001", &format!("weir could not reach {text}")));
            }
        }
    }

    fn credential(&mut self) {
        let Some((source, user)) = self.settings.and_then(|settings| settings.credential.as_ref()) else {
            return self.relay.answer(Answer::Credential(None));
        };
        let fetched = self.shared.credentials.fetch(source).and_then(|secret| Ok((secret, credential::nonce()?)));
        match fetched {
            Ok((secret, nonce)) => {
                let user = user.clone().or(secret.user);
                if let Some(enforcer) = self.relay.enforcer() {
                    enforcer.stands(user.as_deref(), None);
                }
                self.relay.answer(Answer::Credential(Some(Credential { user, password: secret.password, nonce })));
            }
            Err(error) => {
                tracing::error!(session = %self.session.id, %error, "the target's credential can't be had");
                self.relay.refuse(&fault("28000", &format!("weir has no credential for {}", self.session.target.name)));
            }
        }
    }

    async fn salt(&mut self, salt: Vec<u8>, iterations: u32) {
        let Some((source, _)) = self.settings.and_then(|settings| settings.credential.as_ref()) else { return };
        let salted = match self.shared.credentials.fetch(source) {
            Ok(secret) => self.shared.credentials.salted_password(&secret.password, &salt, iterations).await,
            Err(error) => Err(error),
        };
        match salted {
            Ok(salted) => self.relay.answer(Answer::SaltedPassword(salted)),
            Err(error) => self.relay.refuse(&fault("28000", &format!("weir could not authenticate: {error}"))),
        }
    }

    /// Passes a job's own cancel on, with the key that the server knows.
    async fn cancel(&mut self, pid: u32, secret: &[u8]) {
        let live = self.shared.live.by_cancel_key(self.session.run, self.access.address, pid, secret);
        let Some(keys) = live.as_ref().and_then(|session| session.keys.get()) else {
            self.relay.note(FrameKind::Note, &json!({ "what": "cancel", "of": null, "remark": "no such session in this run" }));
            return;
        };
        let of = live.as_ref().map(|session| session.id);
        if !matches!(self.admission, Admission::Given(_)) {
            self.relay.note(FrameKind::Note, &json!({ "what": "cancel", "of": of, "remark": "refused by policy" }));
            return;
        }
        if let Some(live) = &live {
            live.withdraw();
        }
        let result = catalog::cancel(self.access.address, &self.access.tls, keys.pid, &keys.server_secret).await;
        let remark = result.map_or_else(|error| error.to_string(), |()| "sent".to_owned());
        self.relay.note(FrameKind::Note, &json!({ "what": "cancel", "of": of, "remark": remark }));
    }
}

/// A note of something that someone should look at.
fn finding(kind: &str, mut fields: serde_json::Value) -> serde_json::Value {
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("what".to_owned(), "finding".into());
        fields.insert("kind".to_owned(), kind.into());
    }
    fields
}

/// A failure of the gateway's own, as the job sees it.
fn fault(code: &'static str, message: &str) -> Refusal {
    Refusal { code, message: message.to_owned(), detail: String::new(), hint: String::new(), position: None }
}
