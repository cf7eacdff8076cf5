//! Relay (a): tokio's multi-thread runtime and `copy_bidirectional`, a task a connection. The obvious one.
use tokio::net::{TcpListener, TcpStream};
use weir_spike::Args;

fn main() -> std::io::Result<()> {
    let args = Args::from_env();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.workers)
        .enable_io()
        .build()?
        .block_on(accept(args))
}

async fn accept(args: Args) -> std::io::Result<()> {
    let listener = TcpListener::bind(&args.listen).await?;
    loop {
        let (mut client, _) = listener.accept().await?;
        let upstream = args.upstream.clone();
        tokio::spawn(async move {
            let mut server = TcpStream::connect(upstream).await?;
            client.set_nodelay(true)?;
            server.set_nodelay(true)?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await
        });
    }
}
