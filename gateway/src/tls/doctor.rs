//! Which clients will trust the gateway's own certificates, and which won't.

use super::trust::java;
use std::path::Path;

/// What is known of one kind of client.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TrustFinding {
    /// The client.
    pub client: &'static str,
    /// Whether it trusts a certificate under weir's CA as a job of `weir run`.
    pub trusts: bool,
    /// By what, or why not.
    pub how: String,
    /// What to know or to do; may be empty.
    pub remark: &'static str,
}

/// Names each kind of client, with what a run would get on this machine.
#[must_use]
pub fn doctor_tls() -> Vec<TrustFinding> {
    let mut all = vec![java_finding(java::keytool().as_deref())];
    all.extend(FIXED.iter().map(|(client, trusts, how, remark)| TrustFinding {
        client,
        trusts: *trusts,
        how: (*how).to_owned(),
        remark,
    }));
    all
}

fn java_finding(keytool: Option<&Path>) -> TrustFinding {
    let how = keytool.map_or_else(
        || "no keytool on PATH to make a trust store with: install a JDK or JRE".to_owned(),
        |tool| format!("JAVA_TOOL_OPTIONS, by a store that {} makes", tool.display()),
    );
    TrustFinding {
        client: "Java (JSSE)",
        trusts: keytool.is_some(),
        how,
        remark: "the JVM prints a line about JAVA_TOOL_OPTIONS on stderr; a job with its own javax.net.ssl.trustStore keeps that",
    }
}

/// Client, whether it trusts, how, remark.
const FIXED: [(&str, bool, &str, &str); 15] = [
    (
        "libpq: psql, pg_dump, psycopg, PHP, Ruby's pg",
        true,
        "PGSSLROOTCERT",
        "with it sslmode=require verifies the chain too, as libpq documents: a server with a self-signed certificate whose TLS the gateway does not end (an opaque target) is then refused",
    ),
    (
        "libpq with sslrootcert in its connection string or service file",
        false,
        "the string overrides PGSSLROOTCERT",
        "give the target the owner's certificate or intermediate (tls.client_cert, tls.client_issuer_cert), or add weir's CA to that file",
    ),
    (
        "libpq with channel_binding=require",
        false,
        "the password exchange can't be bound to a server behind a gateway",
        "set channel_binding=prefer (the default) for this job; the gateway binds its own exchange with the server",
    ),
    (
        "libpq with sslcert (client certificates)",
        false,
        "the gateway asks for no client certificate, so the server sees none",
        "give the target a password credential",
    ),
    (
        "pgjdbc (PostgreSQL for Java)",
        false,
        "it reads sslrootcert or ~/.postgresql/root.crt, not the JVM's store",
        "add sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory to the URL, or give the target the owner's certificate",
    ),
    (
        "asyncpg, pgx, lib/pq, sqlx, Npgsql",
        true,
        "PGSSLROOTCERT",
        "a root given in code or in the connection string overrides it",
    ),
    ("node-postgres, postgres.js", true, "NODE_EXTRA_CA_CERTS", "an ssl.ca in code replaces Node's roots, and then it does not"),
    (
        "tokio-postgres, and other programs that bring their TLS",
        false,
        "roots are compiled in or given by code",
        "rustls-native-certs and OpenSSL builds read SSL_CERT_FILE; webpki-roots builds trust only public CAs",
    ),
    ("Go", true, "SSL_CERT_FILE (Linux)", "a RootCAs pool in code replaces it"),
    ("OpenSSL programs, Python's ssl, Ruby", true, "SSL_CERT_FILE", "a program that loads a CA file by itself does not look"),
    (
        "Python's requests, pip, the AWS command line",
        true,
        "REQUESTS_CA_BUNDLE, PIP_CERT, AWS_CA_BUNDLE",
        "verify= in code overrides them",
    ),
    (
        "curl, git, cargo",
        true,
        "CURL_CA_BUNDLE, GIT_SSL_CAINFO, CARGO_HTTP_CAINFO",
        "--cacert and http.sslCAInfo of a repository override them",
    ),
    (".NET", true, "SSL_CERT_FILE (Linux)", ""),
    (
        "programs that pin a certificate or key",
        false,
        "only the pinned one counts",
        "give the target the owner's certificate and key",
    ),
    (
        "programs started with an empty environment (sudo, cron, env -i)",
        false,
        "no variable reaches them",
        "give the target the owner's certificate, or keep the variables (sudo --preserve-env)",
    ),
];
