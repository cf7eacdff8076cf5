//! Relay (d): io_uring through monoio, one thread a worker; two tasks a session, each owning its buffer
//! (the kernel must own the buffer of a pending read).
use monoio::{
    io::{AsyncReadRent, AsyncReadRentExt, AsyncWriteRent, AsyncWriteRentExt, Splitable},
    net::{TcpStream, UnixStream as Pipe},
};
use std::{
    io, net::TcpStream as StdStream, os::fd::OwnedFd, os::unix::net::UnixStream,
    sync::atomic::Ordering,
};
use weir_spike::{Args, Load, decode, number, serve};

fn main() -> io::Result<()> {
    serve(&Args::from_env(), |pipe, load| {
        work(pipe, load).expect("worker")
    })
}

fn work(pipe: UnixStream, load: Load) -> io::Result<()> {
    let size = number("BUFFER", 16 * 1024);
    let mut runtime = monoio::RuntimeBuilder::<monoio::IoUringDriver>::new()
        .with_entries(1024)
        .build()?;
    runtime.block_on(async move {
        let mut pipe = Pipe::from_std(pipe)?;
        loop {
            let (result, message) = pipe.read_exact(Box::new([0; 8])).await;
            result?;
            let [client, server] = decode(*message).map(adopt);
            let (client, server, load) = (client?, server?, load.clone());
            monoio::spawn(async move {
                let ((client_read, client_write), (server_read, server_write)) =
                    (client.into_split(), server.into_split());
                let up = monoio::spawn(copy(client_read, server_write, size));
                copy(server_read, client_write, size).await;
                up.await;
                load.fetch_sub(1, Ordering::Relaxed);
            });
        }
    })
}

fn adopt(socket: OwnedFd) -> io::Result<TcpStream> {
    TcpStream::from_std(StdStream::from(socket))
}

async fn copy(mut source: impl AsyncReadRent, mut sink: impl AsyncWriteRent, size: usize) {
    let mut buffer = Vec::with_capacity(size);
    loop {
        let (result, filled) = source.read(buffer).await;
        if !matches!(result, Ok(1..)) {
            break;
        }
        let (result, mut written) = sink.write_all(filled).await;
        if result.is_err() {
            break;
        }
        written.clear();
        buffer = written;
    }
    // The other direction ends by itself when its source closes.
    let _ = sink.shutdown().await;
}
