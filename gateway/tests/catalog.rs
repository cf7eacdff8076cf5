//! What the gateway does at a real Postgres beside a session.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use rcgen::PKCS_ECDSA_P256_SHA256;
use std::process::Child;
use std::time::{Duration, Instant, SystemTime};
use support::{OPEN, PASSWORD, Postgres, TestCa, file};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use weir::catalog::{CatalogError, SideConnection, cancel};
use weir::credential::Secret;
use weir::tls::{UpstreamMode, UpstreamTls};
use zeroize::Zeroizing;

#[tokio::test]
async fn a_backend_is_seen_and_ended_over_tls() {
    let (postgres, tls, _dir) = with_tls();
    let side = SideConnection::open(postgres.address, &tls, &secret(), "postgres").await.unwrap();
    let sleeping = postgres.psql_in_background("SELECT pg_sleep(60)");
    let pid = running(&postgres);
    let state = side.backend_state(pid).await.unwrap().unwrap();
    assert_eq!(state.state.as_deref(), Some("active"));
    assert!(state.query_start.unwrap() <= SystemTime::now() && state.xact_start.is_some() && state.backend_start.is_some());
    assert!(side.terminate_backend(pid).await.unwrap());
    assert!(ended(sleeping).contains("terminating connection due to administrator command"));
    assert_eq!(side.backend_state(pid).await.unwrap(), None);
    assert!(!side.terminate_backend(pid).await.unwrap());
    assert!(!side.terminate_backend(u32::MAX).await.unwrap());
}

#[tokio::test]
async fn a_user_without_the_right_is_told_which_one() {
    let (postgres, tls, _dir) = with_tls();
    postgres.psql(&format!("CREATE ROLE looker LOGIN PASSWORD '{PASSWORD}'"));
    let looker = Secret { user: Some("looker".to_owned()), ..secret() };
    let side = SideConnection::open(postgres.address, &tls, &looker, "postgres").await.unwrap();
    let mut sleeping = postgres.psql_in_background("SELECT pg_sleep(60)");
    let pid = running(&postgres);
    assert_eq!(side.backend_state(pid).await.unwrap().unwrap().state, None);
    let error = side.terminate_backend(pid).await.unwrap_err().to_string();
    assert!(error.contains("grant pg_signal_backend"), "{error}");
    sleeping.kill().unwrap();
    sleeping.wait().unwrap();
}

#[tokio::test]
async fn a_cancel_reaches_the_query_with_and_without_tls() {
    let (mut postgres, tls, _dir) = with_tls();
    postgres.psql(&format!("CREATE ROLE {OPEN} LOGIN"));
    cancelled(&postgres, &tls).await;
    cancelled(&postgres, &UpstreamTls::disabled()).await;
    postgres.present(None);
    cancelled(&postgres, &UpstreamTls::new(UpstreamMode::Prefer, None, None)).await;
    assert!(matches!(cancel(postgres.address, &tls, 1, &[0; 4]).await, Err(CatalogError::NoTls { .. })));
    assert!(matches!(cancel(postgres.address, &tls, 1, &[0; 3]).await, Err(CatalogError::Key { length: 3 })));
}

#[tokio::test]
async fn wrong_logins_and_silent_servers_end_with_a_clear_error() {
    let (postgres, tls, _dir) = with_tls();
    let wrong = Secret { password: Zeroizing::new("hunter2".to_owned()), ..secret() };
    let error = SideConnection::open(postgres.address, &tls, &wrong, "postgres").await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("28P01") && !error.contains("hunter2"), "{error}");
    let nobody = Secret { user: None, ..secret() };
    assert!(matches!(SideConnection::open(postgres.address, &tls, &nobody, "").await, Err(CatalogError::NoUser)));
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let started = Instant::now();
    let result = cancel(silent.local_addr().unwrap(), &tls, 1, &[0; 4]).await;
    assert!(matches!(result, Err(CatalogError::Deadline { .. })), "{result:?}");
    assert!(started.elapsed() < Duration::from_secs(8));
}

/// A server whose certificate the settings verify in full.
fn with_tls() -> (Postgres, UpstreamTls, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let ca = TestCa::new("catalog", &PKCS_ECDSA_P256_SHA256);
    let path = file(dir.path(), "ca.pem", &ca.pem, 0o644);
    let postgres = Postgres::start(Some(&ca.leaf(&["127.0.0.1"], 2090)));
    (postgres, UpstreamTls::new(UpstreamMode::VerifyFull, Some(path), None), dir)
}

fn secret() -> Secret {
    Secret { user: Some("postgres".to_owned()), password: Zeroizing::new(PASSWORD.to_owned()) }
}

/// Starts a query on a connection whose key is known, and cancels it.
async fn cancelled(postgres: &Postgres, tls: &UpstreamTls) {
    let mut tcp = TcpStream::connect(postgres.address).await.unwrap();
    let startup = format!("user\0{OPEN}\0database\0postgres\0application_name\0background\0\0");
    tcp.write_u32(u32::try_from(startup.len() + 8).unwrap()).await.unwrap();
    tcp.write_u32(196_608).await.unwrap();
    tcp.write_all(startup.as_bytes()).await.unwrap();
    let key = until(&mut tcp, b'K').await;
    let pid = u32::from_be_bytes(key[..4].try_into().unwrap());
    until(&mut tcp, b'Z').await;
    tcp.write_all(b"Q\0\0\0\x18SELECT pg_sleep(60)\0").await.unwrap();
    assert_eq!(running(postgres), pid);
    cancel(postgres.address, tls, pid, &key[4..]).await.unwrap();
    let error = until(&mut tcp, b'E').await;
    assert!(error.windows(5).any(|part| part == b"57014"), "{}", String::from_utf8_lossy(&error));
}

/// The body of the first message of `kind`.
async fn until(tcp: &mut TcpStream, kind: u8) -> Vec<u8> {
    loop {
        let found = tcp.read_u8().await.unwrap();
        let mut body = vec![0; tcp.read_u32().await.unwrap() as usize - 4];
        tcp.read_exact(&mut body).await.unwrap();
        if found == kind {
            return body;
        }
        assert_ne!(found, b'E', "{}", String::from_utf8_lossy(&body));
    }
}

/// The process id of the query in the background, once it runs.
fn running(postgres: &Postgres) -> u32 {
    let started = Instant::now();
    loop {
        let pid =
            postgres.psql("SELECT pid FROM pg_stat_activity WHERE application_name = 'background' AND wait_event = 'PgSleep'");
        if let Ok(pid) = pid.parse() {
            return pid;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "the query did not start: {pid:?}");
    }
}

fn ended(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}
