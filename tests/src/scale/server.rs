//! A stand-in for Postgres where a real one can't hold the sessions: it trusts everybody, and answers with one row or with as many
//! megabytes of rows as the statement says. It reads no SQL.

use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A statement that says this behind it is answered with so many megabytes (10^6 bytes).
pub(super) const MEGABYTES: &str = "megabytes = ";
/// Of a row's one value, in bytes.
const VALUE: usize = 1000;
/// The longest message that is read.
const LONGEST: usize = 1 << 20;

/// Serves until it is killed.
///
/// # Errors
/// Where it can't listen.
pub async fn serve(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        // A client that goes away, or speaks otherwise, is none of the others' concern.
        tokio::spawn(async move { session(stream).await.ok() });
    }
}

async fn session(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    while startup(&mut stream).await? != 196_608 {
        stream.write_all(b"N").await?;
    }
    let mut hello = message(b'R', &0_u32.to_be_bytes());
    for (name, value) in [
        ("server_version", "15.0"),
        ("server_encoding", "UTF8"),
        ("client_encoding", "UTF8"),
        ("standard_conforming_strings", "on"),
        ("integer_datetimes", "on"),
        ("DateStyle", "ISO, MDY"),
    ] {
        hello.extend(message(b'S', format!("{name}\0{value}\0").as_bytes()));
    }
    hello.extend(message(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]));
    hello.extend(message(b'Z', b"I"));
    stream.write_all(&hello).await?;
    let mut body = Vec::new();
    loop {
        let kind = stream.read_u8().await?;
        read_body(&mut stream, &mut body).await?;
        match kind {
            b'Q' => answer(&mut stream, &String::from_utf8_lossy(&body)).await?,
            _ => return Ok(()),
        }
    }
}

/// The number that a start-up message begins with.
async fn startup(stream: &mut TcpStream) -> io::Result<u32> {
    let mut body = Vec::new();
    read_body(stream, &mut body).await?;
    body.first_chunk().map(|number| u32::from_be_bytes(*number)).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

async fn read_body(stream: &mut TcpStream, body: &mut Vec<u8>) -> io::Result<()> {
    let length = (stream.read_u32().await? as usize).checked_sub(4).filter(|length| *length <= LONGEST);
    body.resize(length.ok_or(io::ErrorKind::InvalidData)?, 0);
    stream.read_exact(body).await.map(drop)
}

async fn answer(stream: &mut TcpStream, text: &str) -> io::Result<()> {
    let after = text.split_once(MEGABYTES).map(|(_, after)| after.chars().take_while(char::is_ascii_digit).collect::<String>());
    let megabytes: u64 = after.and_then(|number| number.parse().ok()).unwrap_or(0);
    // One column of the type text.
    let columns = [&1_u16.to_be_bytes()[..], b"n\0", &[0; 6], &25_u32.to_be_bytes(), &[255, 255], &[255; 4], &[0, 0]].concat();
    let mut out = message(b'T', &columns);
    let rows = if megabytes == 0 {
        out.extend(row(b"1"));
        1
    } else {
        stream.write_all(&out).await?;
        out.clear();
        let many = row(&[b'x'; VALUE]).repeat(64);
        let times = megabytes * 1_000_000 / many.len() as u64;
        for _ in 0..times {
            stream.write_all(&many).await?;
        }
        times * 64
    };
    out.extend(message(b'C', format!("SELECT {rows}\0").as_bytes()));
    out.extend(message(b'Z', b"I"));
    stream.write_all(&out).await
}

fn row(value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
    message(b'D', &[&1_u16.to_be_bytes()[..], &length.to_be_bytes(), value].concat())
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&[kind][..], &length.to_be_bytes(), body].concat()
}
