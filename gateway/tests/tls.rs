//! TLS with a real Postgres upstream and a real psql downstream.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
use sha2::{Digest, Sha256, Sha384};
use std::net::IpAddr;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use support::{Leaf, PASSWORD, Postgres, TestCa, file};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use weir::catalog::SideConnection;
use weir::credential::Secret;
use weir::tls::{self, Authority, CertificateSource, ServerSide, TlsError, TrustBundle, UpstreamMode, UpstreamTls};
use zeroize::Zeroizing;

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
const NAME: &str = "db.example";

#[tokio::test]
async fn each_mode_judges_a_real_server_as_libpq_would() {
    use UpstreamMode::{Require, VerifyCa, VerifyFull};
    let dir = tempfile::tempdir().unwrap();
    let known = TestCa::new("known", &PKCS_ECDSA_P256_SHA256);
    let unknown = TestCa::new("unknown", &PKCS_ECDSA_P256_SHA256);
    let ca = file(dir.path(), "ca.pem", &known.pem, 0o644);
    let good = known.leaf(&[NAME, "127.0.0.1"], 2090);
    let mut postgres = Postgres::start(Some(&good));
    // The server's certificate, the mode, the name, and what the error says: none is none.
    let itself = known.as_leaf();
    let cases: [(&Leaf, UpstreamMode, Option<&str>, Option<&str>); 15] = [
        (&good, VerifyFull, Some(NAME), None),
        (&good, VerifyFull, None, None),
        (&good, VerifyFull, Some("other.example"), Some("set tls.name")),
        (&good, VerifyCa, Some("other.example"), None),
        (&known.leaf(&["other.example"], 2090), VerifyFull, None, Some("set tls.name")),
        (&known.leaf(&[NAME], 2020), VerifyFull, Some(NAME), Some("expired")),
        (&known.leaf(&[NAME], 2020), VerifyCa, Some(NAME), Some("expired")),
        (&known.leaf(&["other.example"], 2020), VerifyCa, Some(NAME), Some("expired")),
        (&known.leaf(&[NAME], 2020), Require, Some(NAME), None),
        (&unknown.leaf(&[NAME], 2090), VerifyFull, Some(NAME), Some("set tls.ca")),
        (&unknown.leaf(&[NAME], 2090), VerifyCa, Some(NAME), Some("set tls.ca")),
        (&unknown.leaf(&["other.example"], 2090), VerifyCa, Some(NAME), Some("set tls.ca")),
        (&unknown.leaf(&["other.example"], 2020), Require, None, None),
        (&itself, VerifyCa, None, Some("CA:TRUE")),
        (&itself, Require, None, None),
    ];
    for (leaf, mode, name, says) in cases {
        postgres.present(Some(leaf));
        let settings = UpstreamTls::new(mode, Some(ca.clone()), name.map(str::to_owned));
        let result = handshake(&postgres, &settings).await;
        match (result, says) {
            (Ok(end_point), None) => assert_eq!(end_point, Some(Sha256::digest(&leaf.der).to_vec())),
            (Err(error), Some(says)) => assert!(error.to_string().contains(says), "{mode:?} {name:?}: {error}"),
            (Ok(_), Some(says)) => panic!("{mode:?} {name:?}: accepted, but {says:?} was due"),
            (Err(error), None) => panic!("{mode:?} {name:?}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_server_binds_scram_to_certificates_of_either_hash() {
    let dir = tempfile::tempdir().unwrap();
    let smaller = TestCa::new("p256", &PKCS_ECDSA_P256_SHA256);
    let larger = TestCa::new("p384", &PKCS_ECDSA_P384_SHA384);
    let ca = file(dir.path(), "ca.pem", &format!("{}{}", smaller.pem, larger.pem), 0o644);
    let settings = UpstreamTls::new(UpstreamMode::VerifyFull, Some(ca), Some(NAME.to_owned()));
    let secret = Secret { user: Some("postgres".to_owned()), password: Zeroizing::new(PASSWORD.to_owned()) };
    let (one, two) = (smaller.leaf(&[NAME], 2090), larger.leaf(&[NAME], 2090));
    let mut postgres = Postgres::start(Some(&one));
    for (leaf, hash) in [(&one, Sha256::digest(&one.der).to_vec()), (&two, Sha384::digest(&two.der).to_vec())] {
        postgres.present(Some(leaf));
        assert_eq!(handshake(&postgres, &settings).await.unwrap(), Some(hash));
        // The server offers -PLUS and the client has a binding, so a wrong one fails the login.
        drop(SideConnection::open(postgres.address, &settings, &secret, "postgres").await.unwrap());
    }
}

#[tokio::test]
async fn psql_trusts_weirs_own_ca_by_the_bundle_and_not_without() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Arc::new(Authority::open(dir.path()).unwrap());
    let bundle = TrustBundle::write(&dir.path().join("trust"), &authority).unwrap();
    let server = ServerSide::new(authority);
    let other = file(dir.path(), "other.pem", &TestCa::new("other", &PKCS_ECDSA_P256_SHA256).pem, 0o644);
    let ask = async |name: &str, roots: &Path| psql(&server, &CertificateSource::Own, name, roots).await;
    trusted(&ask(NAME, bundle.pem()).await);
    trusted(&ask("127.0.0.1", bundle.pem()).await);
    refused(&ask("other.example", bundle.pem()).await, "does not match host name");
    refused(&ask(NAME, &other).await, "certificate verify failed");
    let environment = bundle.environment();
    let (_, roots) = environment.iter().find(|(name, _)| name == "PGSSLROOTCERT").unwrap();
    trusted(&ask(NAME, Path::new(roots)).await);
    let trusted_roots = std::fs::read_to_string(roots).unwrap().matches("BEGIN CERTIFICATE").count();
    assert_eq!(trusted_roots, 1, "libpq reads them all at each connect");
}

#[tokio::test]
async fn an_owners_intermediate_and_an_owners_pair_are_presented_whole() {
    let dir = tempfile::tempdir().unwrap();
    let root = TestCa::new("owner's root", &PKCS_ECDSA_P384_SHA384);
    let below = root.intermediate("owner's intermediate");
    let leaf = below.leaf(&[NAME, "127.0.0.1"], 2090);
    let roots = file(dir.path(), "root.pem", &root.pem, 0o644);
    let issuer_key = file(dir.path(), "issuer.key", &below.key, 0o600);
    let issuer = CertificateSource::Issuer { cert: file(dir.path(), "issuer.pem", &below.pem, 0o644), key: issuer_key.clone() };
    let pair = CertificateSource::Files {
        cert: file(dir.path(), "server.pem", &format!("{}{}", leaf.pem, below.pem), 0o644),
        key: file(dir.path(), "server.key", &leaf.key, 0o600),
    };
    let server = ServerSide::new(Arc::new(Authority::open(dir.path()).unwrap()));
    trusted(&psql(&server, &issuer, NAME, &roots).await);
    trusted(&psql(&server, &pair, NAME, &roots).await);
    let says = |source: &CertificateSource, what: &str| {
        let error = server.config_for(source, Some(NAME), IpAddr::from([127, 0, 0, 1])).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    let crossed = CertificateSource::Files { cert: dir.path().join("server.pem"), key: issuer_key.clone() };
    says(&crossed, "give the pair");
    let no_ca = CertificateSource::Issuer { cert: dir.path().join("server.pem"), key: dir.path().join("server.key") };
    says(&no_ca, "not a CA certificate");
    file(dir.path(), "issuer.key", &below.key, 0o644);
    says(&issuer, "chmod");
    std::fs::remove_file(&issuer_key).unwrap();
    says(&issuer, "issuer.key");
}

#[tokio::test]
async fn a_minted_certificate_is_kept_and_changed_files_are_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = ServerSide::new(Arc::new(Authority::open(dir.path()).unwrap()));
    let ip = IpAddr::from([192, 0, 2, 1]);
    let own = |names: &[String]| server.config_for(&CertificateSource::Own, names, ip).unwrap();
    let (a, b) = ([NAME.to_owned()], ["other.example".to_owned()]);
    assert!(Arc::ptr_eq(&own(&a), &own(&a)));
    assert!(!Arc::ptr_eq(&own(&a), &own(&b)));
    assert!(matches!(server.config_for(&CertificateSource::Own, ["not a name"], ip), Err(TlsError::Name { .. })));
    let ca = TestCa::new("owner", &PKCS_ECDSA_P256_SHA256);
    let write = || {
        let leaf = ca.leaf(&[NAME], 2090);
        CertificateSource::Files {
            cert: file(dir.path(), "server.pem", &leaf.pem, 0o644),
            key: file(dir.path(), "server.key", &leaf.key, 0o600),
        }
    };
    let first = server.config_for(&write(), Some(NAME), ip).unwrap();
    assert!(!Arc::ptr_eq(&first, &server.config_for(&write(), Some(NAME), ip).unwrap()));
}

#[test]
fn a_bundle_keeps_what_the_job_trusted_before() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::open(dir.path()).unwrap();
    let own = file(dir.path(), "own.pem", &TestCa::new("own", &PKCS_ECDSA_P256_SHA256).pem, 0o644);
    let junk = file(dir.path(), "junk.pem", "nothing", 0o644);
    let variable = |name: &str| match name {
        "NODE_EXTRA_CA_CERTS" => Some(own.clone().into_os_string()),
        "CURL_CA_BUNDLE" => Some(junk.clone().into_os_string()),
        "PGSSLROOTCERT" => Some("system".into()),
        "JAVA_TOOL_OPTIONS" => Some("-Xmx1g".into()),
        _ => None,
    };
    let mut bundle = TrustBundle::write_for(&dir.path().join("trust"), &authority, &variable).unwrap();
    let text = std::fs::read_to_string(bundle.pem()).unwrap();
    for part in [std::fs::read_to_string(&own).unwrap(), std::fs::read_to_string(authority.path()).unwrap()] {
        let body: String = part.lines().filter(|line| !line.starts_with('-')).map(str::trim).collect();
        assert!(text.replace('\n', "").contains(&body));
    }
    assert_eq!(bundle.skipped(), [junk]);
    assert!(bundle.environment().contains(&("PGSSLMODE".to_owned(), "verify-full".to_owned())));
    bundle.add_java().unwrap();
    let options = bundle.environment().into_iter().find(|(name, _)| name == "JAVA_TOOL_OPTIONS").map(|(_, value)| value);
    match (bundle.java(), options) {
        (Some(store), Some(options)) => {
            assert!(options.starts_with("-Xmx1g ") && options.contains(&store.display().to_string()));
            let listed = std::process::Command::new("keytool")
                .args(["-list", "-storepass", "changeit", "-alias", "weir-gateway-ca", "-keystore"])
                .arg(store)
                .output()
                .unwrap();
            assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stdout));
        }
        (store, options) => assert_eq!((store, options), (None, None), "without a JDK the job's own options stay"),
    }
}

/// A handshake with Postgres as a session makes it.
async fn handshake(postgres: &Postgres, settings: &UpstreamTls) -> Result<Option<Vec<u8>>, TlsError> {
    let mut tcp = TcpStream::connect(postgres.address).await.unwrap();
    tcp.write_all(&SSL_REQUEST).await.unwrap();
    assert_eq!(tcp.read_u8().await.unwrap(), b'S');
    tls::connect(tcp, settings, postgres.address.ip()).await.map(|(_, end_point)| end_point)
}

/// What psql says to a server that makes a handshake and hangs up. The beginning of the
/// ClientHello is read ahead, as a session's relay may.
async fn psql(server: &ServerSide, source: &CertificateSource, host: &str, roots: &Path) -> Output {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let conninfo = format!(
        "host={host} hostaddr=127.0.0.1 port={} sslmode=verify-full sslrootcert={} user=u dbname=d connect_timeout=5 gssencmode=disable",
        address.port(),
        roots.display()
    );
    let config = server.config_for(source, Some(NAME), address.ip()).unwrap();
    let serving = async {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        tcp.read_exact(&mut request).await.unwrap();
        assert_eq!(request, SSL_REQUEST);
        tcp.write_all(b"S").await.unwrap();
        let mut early = vec![0; 100];
        let n = tcp.read(&mut early).await.unwrap();
        drop(tls::accept(tcp, &early[..n], config).await);
    };
    let asking = tokio::process::Command::new("psql")
        .args(["-Xw", "-c", "SELECT 1", &conninfo])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .output();
    let (output, ()) = tokio::join!(asking, serving);
    output.unwrap()
}

fn trusted(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("closed") || said.contains("EOF") || said.contains("reset"), "{said}");
    assert!(!said.contains("certificate"), "{said}");
}

fn refused(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(why), "{said}");
}
