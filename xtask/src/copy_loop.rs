//! The plainest proxy there can be, as a peer of the bench: a thread for each direction that reads and writes.

use clap::Args;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// What one read asks for, in bytes: as much as weir's own.
const READ_SIZE: usize = 64 * 1024;

/// Between which ports of 127.0.0.1.
#[derive(Args)]
pub(crate) struct Options {
    /// Where it listens.
    port: u16,
    /// Where it connects to, once for each connection.
    server: u16,
}

/// Copies until it is killed.
pub(crate) fn copy_loop(options: &Options) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", options.port))?;
    for client in listener.incoming() {
        let client = client?;
        let server = TcpStream::connect(("127.0.0.1", options.server))?;
        for end in [&client, &server] {
            end.set_nodelay(true)?;
        }
        let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || copy(from_client, to_server));
        thread::spawn(move || copy(server, client));
    }
    Ok(())
}

/// Copies one direction to its end. A connection that breaks ends it as well.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; READ_SIZE];
    let mut pass = || -> io::Result<()> {
        loop {
            let read = from.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            to.write_all(buffer.get(..read).unwrap_or_default())?;
        }
    };
    let _ended_or_broken = pass().is_ok();
    // The other end may be gone already.
    let _gone = to.shutdown(Shutdown::Write).is_err();
}
