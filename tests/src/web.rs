//! A web server of a test's own: Debian's nginx, in plain text and with TLS, which says what it was asked for.

use crate::{CertificateAuthority, free_port, wait_until};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running nginx; ended by its pid when dropped.
#[derive(Debug)]
pub struct Web {
    child: Child,
    _directory: TempDir,
    /// The port of HTTP.
    pub http: u16,
    /// The port of HTTPS.
    pub https: u16,
}

impl Web {
    /// One at these addresses of this host. It answers `/` with the host that was meant, `/big` with 8 MiB.
    pub fn start(addresses: &[&str]) -> Self {
        let directory = tempfile::Builder::new().prefix("weir-web-").tempdir().expect("a temporary directory");
        let place = directory.path();
        let authority = CertificateAuthority::create();
        let (certificate, key) = authority.server();
        fs::copy(certificate, place.join("cert.pem")).expect("our own directory");
        fs::copy(key, place.join("key.pem")).expect("our own directory");
        fs::write(place.join("big"), vec![b'x'; 8 << 20]).expect("our own directory");
        let (http, https) = (free_port(), free_port());
        let listen: String = addresses.iter().map(|at| format!("listen {at}:{http}; listen {at}:{https} ssl;\n")).collect();
        let place = place.display();
        let config = format!(
            "daemon off; master_process off; error_log {place}/error.log; pid {place}/pid;\nevents {{}}\nhttp {{ access_log off;\n\
             client_body_temp_path {place}; proxy_temp_path {place}; fastcgi_temp_path {place}; uwsgi_temp_path {place}; scgi_temp_path {place};\n\
             server {{ {listen} ssl_certificate {place}/cert.pem; ssl_certificate_key {place}/key.pem;\n\
             location = / {{ default_type text/plain; return 200 \"host=$host sni=$ssl_server_name\\n\"; }}\n\
             location = /big {{ root {place}; }} }} }}\n"
        );
        let file = directory.path().join("nginx.conf");
        fs::write(&file, config).expect("our own directory");
        let child = Command::new("/usr/sbin/nginx")
            .args(["-p", &place.to_string(), "-c"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("Debian's nginx-light is installed: scripts/setup does");
        let web = Self { child, _directory: directory, http, https };
        let first: SocketAddr = format!("{}:{http}", addresses[0]).parse().expect("an address");
        wait_until("nginx to listen", 20, || TcpStream::connect(first).ok().map(drop));
        web
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
