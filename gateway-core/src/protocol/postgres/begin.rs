//! From the client's first byte to the dial, and TLS with the server.

use super::startup::{self, Hello, Packet};
use super::{Fault, Phase, ServerTls, Session, Stop};
use crate::buffer::Buffer;
use crate::protocol::{CloseReason, Event, Output, Side};

impl Session {
    /// The client's packets before the server is needed.
    pub(super) fn expect_startup(&mut self, input: &mut Buffer, output: &mut Output) -> Result<(), Stop> {
        while matches!(self.phase, Phase::ExpectStartup) {
            if input.as_slice().first() == Some(&0x16) && !self.asked_tls && !self.asked_gss && !self.client_tls {
                return self.direct_tls(output);
            }
            let Some((packet, length)) = startup::packet(input.as_slice(), self.settings.limits.startup)? else {
                return Ok(());
            };
            match packet {
                Packet::Ssl if self.asked_tls || self.client_tls => {
                    return Err(Fault::client("a second request for TLS").into());
                }
                Packet::Ssl => {
                    self.asked_tls = true;
                    // Plain bytes behind the request could be taken for encrypted ones (CVE-2021-23214).
                    if self.settings.client_tls && input.len() > length {
                        return Err(Fault::client("plain text behind a request for TLS").into());
                    }
                    input.consume(length);
                    if self.settings.client_tls {
                        output.to_client.extend(b"S");
                        output.events.push(Event::StartTls(Side::Client));
                        self.phase = Phase::ExpectClientTls;
                    } else {
                        output.to_client.extend(b"N");
                    }
                }
                Packet::Gss if self.asked_gss || self.client_tls => {
                    return Err(Fault::client("a request for GSS encryption out of turn").into());
                }
                Packet::Gss => {
                    self.asked_gss = true;
                    input.consume(length);
                    output.to_client.extend(b"N");
                }
                Packet::Cancel { pid, secret } => {
                    let secret = output.keep(secret);
                    output.events.push(Event::CancelRequest { pid, secret });
                    input.clear();
                    self.close(CloseReason::Answered, output);
                }
                Packet::Startup { minor, parameters } => {
                    if self.settings.require_client_tls && !self.client_tls {
                        return Err(Stop::Refuse("28000", "weir is set to refuse clients without TLS: use sslmode=require"));
                    }
                    let hello = Hello::read(minor, parameters)?;
                    if hello.replication && !self.settings.replication {
                        return Err(Stop::Refuse("0A000", "weir relays no replication to this target"));
                    }
                    input.consume(length);
                    self.greet(hello, output);
                }
            }
        }
        Ok(())
    }

    fn direct_tls(&mut self, output: &mut Output) -> Result<(), Stop> {
        self.phase = Phase::ExpectClientTls;
        if !self.settings.client_tls {
            return Err(Fault::client("a TLS handshake where TLS is not offered").into());
        }
        output.events.push(Event::StartTls(Side::Client));
        Ok(())
    }

    fn greet(&mut self, hello: Hello, output: &mut Output) {
        let event = Event::Dial {
            user: output.keep(&hello.user),
            database: output.keep(&hello.database),
            application: output.keep(&hello.application),
        };
        output.events.push(event);
        self.hello = hello;
        self.phase = Phase::ExpectDial;
    }

    /// The server's answer to the request for TLS: one byte, and nothing behind it.
    pub(super) fn tls_answer(&mut self, input: &mut Buffer, output: &mut Output) -> Result<(), Stop> {
        let Some(&answer) = input.as_slice().first() else { return Ok(()) };
        if input.len() > 1 && answer != b'E' {
            return Err(Fault::server("plain text behind its answer to a request for TLS").into());
        }
        match answer {
            b'S' => {
                input.consume(1);
                output.events.push(Event::StartTls(Side::Server));
                self.phase = Phase::ExpectServerTls;
            }
            b'N' if self.settings.server_tls == ServerTls::Require => {
                return Err(Stop::Refuse("08001", "the server does not offer TLS, and weir is set to require it"));
            }
            b'N' => {
                input.consume(1);
                self.ask_credential(output);
            }
            // An error here is not authenticated by anything, so its text is not passed on.
            _ => return Err(Fault::server("neither yes nor no to a request for TLS").into()),
        }
        Ok(())
    }
}
