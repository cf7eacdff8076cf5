//! The way of one question: read, judged, asked on the job's behalf, remembered, recorded, answered.

use super::ledger::Ledger;
use super::limits::Over;
use super::{House, Judged, Names, Run, RunState, known, upstream};
use gateway_core::model::ids::RunId;
use gateway_core::model::principal::Principal;
use gateway_core::policy::Mode;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use serde_json::json;
use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Instant;

/// Questions over their limit for each that is recorded.
const EACH: u64 = 1000;
/// Bytes of the longest question that is read.
pub const QUESTION_BYTES: usize = 4096;
/// Aliases that are followed in one answer.
const ALIASES: usize = 16;
/// Bytes that an answer over UDP has where the question says nothing of it (RFC 1035 §4.2.1).
const PLAIN_BYTES: u16 = 512;
/// "Blocked" (RFC 8914 §4.16), and the option that says so.
const BLOCKED: u16 = 15;
const EXTENDED_ERROR: u16 = 15;

/// Who asks.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    /// The workload.
    pub principal: &'a Principal,
    /// Its execution.
    pub run: RunId,
    /// How the question came.
    pub transport: Transport,
}

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram: the answer has to fit into one.
    Udp,
    /// Over a connection.
    Tcp,
}

/// Why a question is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    /// Policy does not let the name be known.
    Policy(Vec<String>, Option<String>),
    /// This record type is not answered.
    Type,
    /// It is over a limit of `[names]`.
    Limit(Over),
    /// It is a resolver of others, which no target names.
    Resolver,
    /// It asks whether a browser may use such a one.
    Canary,
}

/// A question that is to be answered.
struct Question<'a> {
    asked: &'a Message,
    query: &'a Query,
    name: String,
    record_type: String,
}

impl Names {
    /// Answers a question in its own bytes; none where there is nothing to answer to.
    pub async fn answer(&self, house: &dyn House, asker: Asker<'_>, bytes: &[u8]) -> Option<Vec<u8>> {
        let asked = match Message::from_vec(bytes) {
            Ok(asked) => asked,
            Err(error) => {
                tracing::debug!(%error, run = %asker.run, "a question that can't be read");
                let id = bytes.first_chunk().map(|id| u16::from_be_bytes(*id))?;
                return Message::error_msg(id, OpCode::Query, ResponseCode::FormErr).to_vec().ok();
            }
        };
        if asked.metadata.message_type != MessageType::Query {
            return None;
        }
        let reply = self.reply(house, asker, &asked).await;
        fit(reply, &asked, asker.transport)
    }

    async fn reply(&self, house: &dyn House, asker: Asker<'_>, asked: &Message) -> Message {
        if asked.metadata.op_code != OpCode::Query {
            return response(asked, ResponseCode::NotImp);
        }
        let [query] = asked.queries.as_slice() else { return response(asked, ResponseCode::FormErr) };
        if asked.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
            return response(asked, ResponseCode::BADVERS);
        }
        if query.query_class != DNSClass::IN {
            return response(asked, ResponseCode::Refused);
        }
        let name = query.name.to_ascii().to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name).to_owned();
        let question = Question { asked, query, name, record_type: query.query_type.to_string() };
        let Some(run) = self.run(asker.run) else {
            tracing::error!(run = %asker.run, "as many runs as names can be remembered for: its questions fail");
            return response(asked, ResponseCode::ServFail);
        };
        self.judge(house, asker, &run, &question).await
    }

    async fn judge(&self, house: &dyn House, asker: Asker<'_>, run: &Run, question: &Question<'_>) -> Message {
        let now = Instant::now();
        let target = self.target(&question.name);
        let judged = house.decide(asker.principal, &target, &question.name, &question.record_type);
        let (over, times) = {
            let mut state = run.lock();
            state.used = now;
            let over = state.limiter.count(&self.settings, &question.name, is_text(question.query.query_type), now);
            (over, state.times(over))
        };
        let why = self.refusal(question, &judged, target.configured, over);
        let refuses = why.is_some() && judged.mode == Mode::Enforce;
        let (mut answer, found, failed) = match (&why, refuses) {
            (Some(why), true) => (self.refuse(question, why), Vec::new(), None),
            (None | Some(_), _) => self.ask(question).await,
        };
        // A flood is no way to fill the disk: of what is over the limit of questions, each thousandth stands for all.
        let Some(times) = times else {
            self.remember(run, &question.name, &found, &mut answer, now);
            return answer;
        };
        let addresses: Vec<_> = found.iter().map(|(ip, _)| ip.to_string()).collect();
        let note = json!({
            "what": "name",
            "name": question.name,
            "type": question.record_type,
            "transport": match asker.transport { Transport::Udp => "udp", Transport::Tcp => "tcp" },
            "target": target.name,
            "rcode": answer.metadata.response_code.to_string(),
            "addresses": addresses,
            "failed": failed,
            "times": times,
            "decision": {
                "outcome": if why.is_some() { "deny" } else { "allow" },
                "reason": why.as_ref().map(Why::name),
                "policies": judged.decision.policies,
                "errors": judged.decision.errors,
                "mode": judged.mode.to_string(),
                "would_refuse": why.is_some() && !refuses,
                "set_hash": judged.set,
                "facts": { "target": target, "owner_active": judged.owner_active, "granted": judged.granted },
            },
        });
        let record = match write(house, asker, run, &note, found.len(), refuses).await {
            Ok(record) => record,
            Err(error) => {
                tracing::error!(run = %asker.run, %error, "a name is not told, since that can't be recorded");
                return response(question.asked, ResponseCode::ServFail);
            }
        };
        if let (Some(why), true) = (&why, refuses) {
            let line = run.lock().teller.turn(now).map(|untold| {
                let more = if untold > 0 { format!(" (and {untold} more before it)") } else { String::new() };
                let (name, record_type, words) = (&question.name, &question.record_type, why.words(question));
                format!("refused the name {name} ({record_type}): {words}, run {}; weir session show {record}{more}", asker.run)
            });
            house.refused(line.as_deref());
        }
        self.remember(run, &question.name, &found, &mut answer, now);
        answer
    }

    fn refusal(&self, question: &Question<'_>, judged: &Judged, configured: bool, over: Option<Over>) -> Option<Why> {
        if !configured && question.name == known::CANARY {
            return Some(Why::Canary);
        }
        if !configured && known::is_resolver(&question.name) {
            return Some(Why::Resolver);
        }
        if let Some(over) = over {
            return Some(Why::Limit(over));
        }
        if !self.settings.types.contains(&question.record_type) {
            return Some(Why::Type);
        }
        let denied = !judged.decision.allows();
        denied.then(|| Why::Policy(judged.decision.policies.clone(), judged.decision.message.clone()))
    }

    /// The refusal as the job's own resolver takes it best.
    fn refuse(&self, question: &Question<'_>, why: &Why) -> Message {
        // A search that is refused ends it: the name itself, which may be permitted, would not be asked for.
        let goes_on = matches!(why, Why::Canary) || self.upstreams.is_searched(&question.name);
        let code = if goes_on { ResponseCode::NXDomain } else { ResponseCode::Refused };
        let mut answer = response(question.asked, code);
        if let Some(edns) = &mut answer.edns {
            let text = format!("weir: {}", why.words(question));
            let data = [&BLOCKED.to_be_bytes()[..], text.as_bytes()].concat();
            edns.options_mut().insert(EdnsOption::Unknown(EXTENDED_ERROR, data));
        }
        answer
    }

    /// Asks upstream. Nothing of the job's own goes along but the name and the type, in lower case.
    async fn ask(&self, question: &Question<'_>) -> (Message, Vec<(IpAddr, u32)>, Option<String>) {
        let fail = |why: String| (response(question.asked, ResponseCode::ServFail), Vec::new(), Some(why));
        let Ok(id) = getrandom::u32() else { return fail("no random number for the question's id".to_owned()) };
        let [high, low, ..] = id.to_be_bytes();
        let mut query = Message::new(u16::from_be_bytes([high, low]), MessageType::Query, OpCode::Query);
        query.metadata.recursion_desired = true;
        query.metadata.checking_disabled = question.asked.metadata.checking_disabled;
        query.add_query(Query::query(question.query.name.to_lowercase(), question.query.query_type));
        let mut edns = Edns::new();
        edns.set_max_payload(upstream::UDP_BYTES);
        edns.set_dnssec_ok(question.asked.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok));
        query.set_edns(edns);
        let told = match self.upstreams.ask(&query).await {
            Ok(told) => told,
            Err(why) => return fail(why),
        };
        let mut answer = response(question.asked, told.metadata.response_code);
        answer.metadata.authentic_data = told.metadata.authentic_data;
        answer.answers = told.answers;
        answer.authorities = told.authorities;
        answer.additionals = told.additionals;
        let found = addresses(&question.query.name, &answer.answers);
        (answer, found, None)
    }

    /// Remembers what is told, and has the job ask again before that is forgotten.
    fn remember(&self, run: &Run, name: &str, found: &[(IpAddr, u32)], answer: &mut Message, now: Instant) {
        let most = u32::try_from(self.settings.remember.as_secs()).unwrap_or(u32::MAX);
        for record in answer.answers.iter_mut().chain(&mut answer.authorities).chain(&mut answer.additionals) {
            record.ttl = record.ttl.min(most);
        }
        let mut state = run.lock();
        for (ip, _) in found {
            state.told.tell(name, *ip, now, now + self.settings.remember);
        }
    }
}

impl RunState {
    /// For how many questions the record of this one stands; none where it is not written.
    const fn times(&mut self, over: Option<Over>) -> Option<u64> {
        let Some(Over::Queries) = over else { return Some(1) };
        self.flood += 1;
        match self.flood {
            1 => Some(1),
            flood if flood % EACH == 1 => Some(EACH),
            _ => None,
        }
    }
}

impl Why {
    const fn name(&self) -> &'static str {
        match self {
            Self::Policy(..) => "policy",
            Self::Type => "type",
            Self::Limit(_) => "limit",
            Self::Resolver => "resolver",
            Self::Canary => "canary",
        }
    }

    fn words(&self, question: &Question<'_>) -> String {
        match self {
            Self::Policy(policies, message) => {
                let message = message.as_ref().map(|message| format!("{message}; ")).unwrap_or_default();
                match policies.as_slice() {
                    [] => format!("{message}no policy permits `resolve`"),
                    ids => format!("{message}policy {}", ids.join(", ")),
                }
            }
            Self::Type => format!("[names] types has no {}", question.record_type),
            Self::Limit(over) => format!("the limit [names] {} is reached", over.name()),
            Self::Resolver => "it is a resolver over HTTPS, which no [[target]] names".to_owned(),
            Self::Canary => "no resolver of the browser's own is to be used".to_owned(),
        }
    }
}

/// Writes to the run's record, which begins with its first question.
async fn write(
    house: &dyn House,
    asker: Asker<'_>,
    run: &Run,
    note: &serde_json::Value,
    addresses: usize,
    refused: bool,
) -> Result<gateway_core::model::ids::SessionId, String> {
    let mut place = run.ledger.lock().await;
    if place.is_none() {
        let (session, recorder) = house.begin(asker.run, asker.principal).map_err(|error| error.to_string())?;
        *place = Some(Ledger::new(session, recorder));
    }
    let Some(ledger) = place.as_mut() else { return Err("the record is gone".to_owned()) };
    ledger.write(note, addresses as u64, refused).await.map_err(|error| error.to_string())?;
    Ok(ledger.session())
}

/// An empty response to `asked`.
fn response(asked: &Message, code: ResponseCode) -> Message {
    let mut message = Message::response(asked.metadata.id, asked.metadata.op_code);
    message.metadata.response_code = code;
    message.metadata.recursion_desired = asked.metadata.recursion_desired;
    message.metadata.recursion_available = true;
    message.metadata.checking_disabled = asked.metadata.checking_disabled;
    message.queries.clone_from(&asked.queries);
    if let Some(edns) = &asked.edns {
        let mut own = Edns::new();
        own.set_max_payload(upstream::UDP_BYTES);
        own.set_dnssec_ok(edns.flags().dnssec_ok);
        own.set_rcode_high(code.high());
        message.set_edns(own);
    }
    message
}

/// The answer's bytes; cut, and said to be, where they are more than the asker takes.
fn fit(reply: Message, asked: &Message, transport: Transport) -> Option<Vec<u8>> {
    let most = match transport {
        Transport::Tcp => u16::MAX,
        Transport::Udp => {
            asked.edns.as_ref().map_or(PLAIN_BYTES, |edns| edns.max_payload().clamp(PLAIN_BYTES, upstream::UDP_BYTES))
        }
    };
    match reply.to_vec() {
        Ok(bytes) if bytes.len() <= most.into() => Some(bytes),
        Ok(_) => reply.truncate().to_vec().ok(),
        Err(error) => {
            tracing::warn!(%error, "an answer that can't be written");
            response(asked, ResponseCode::ServFail).to_vec().ok()
        }
    }
}

/// The addresses that `name` stands for, through its aliases. What else an answer has is told to no one's credit.
fn addresses(name: &Name, answers: &[Record]) -> Vec<(IpAddr, u32)> {
    let mut names = HashSet::from([name.to_lowercase()]);
    for _ in 0..ALIASES {
        let aliases = answers.iter().filter(|record| names.contains(&record.name.to_lowercase()));
        let aliases: Vec<_> = aliases
            .filter_map(|record| if let RData::CNAME(alias) = &record.data { Some(alias.0.to_lowercase()) } else { None })
            .filter(|alias| !names.contains(alias))
            .collect();
        if aliases.is_empty() {
            break;
        }
        names.extend(aliases);
    }
    let named = answers.iter().filter(|record| names.contains(&record.name.to_lowercase()));
    named
        .filter_map(|record| match &record.data {
            RData::A(ip) => Some((ip.0.into(), record.ttl)),
            RData::AAAA(ip) => Some((ip.0.into(), record.ttl)),
            _ => None,
        })
        .collect()
}

/// Whether records of this type carry whatever their owner likes.
fn is_text(record_type: RecordType) -> bool {
    matches!(record_type, RecordType::TXT | RecordType::NULL | RecordType::HINFO | RecordType::NAPTR | RecordType::Unknown(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::rdata::{A, CNAME};
    use std::net::Ipv4Addr;

    fn record(name: &str, data: RData) -> Record {
        Record::from_rdata(Name::from_ascii(name).unwrap(), 60, data)
    }

    #[test]
    fn only_what_the_name_s_aliases_lead_to_is_told() {
        let a = |last| RData::A(A(Ipv4Addr::new(192, 0, 2, last)));
        let alias = |name| RData::CNAME(CNAME(Name::from_ascii(name).unwrap()));
        let answers = [
            record("Cdn.example.", a(2)),
            record("other.example.", a(9)),
            record("mid.example.", alias("cdn.example.")),
            record("A.example.", alias("mid.example.")),
            record("loop.example.", alias("a.example.")),
        ];
        let found = addresses(&Name::from_ascii("a.example.").unwrap(), &answers);
        assert_eq!(found, [(IpAddr::from([192, 0, 2, 2]), 60)]);
        assert_eq!(addresses(&Name::from_ascii("x.example.").unwrap(), &answers), []);
    }
}
