//! All that a run of the bench needs: one Postgres, a proxy of each kind before it, weir's configuration.

use super::way::Way;
use crate::regress::server::{BIN, Server, free_port};
use crate::run::{root, tell};
use anyhow::{Context as _, bail, ensure};
use std::fs;
use std::io;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The role that the server trusts, and the one that it asks for SCRAM.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Trusted,
    Scram,
}

/// How much there is to read.
pub(super) struct Size {
    /// pgbench's scale: 100 000 rows each.
    pub(super) scale: u32,
    /// Of the COPY, in MB (10^6 bytes), about.
    pub(super) megabytes: u64,
}

/// Everything runs while this lives, and ends with it.
pub(super) struct Stage {
    /// Bytes that the COPY sends.
    pub(super) copy_bytes: u64,
    /// Policies in force, as weir counts them.
    pub(super) policies: u64,
    weir: PathBuf,
    port: u16,
    haproxy: Peer,
    pgbouncer: Peer,
    _server: Server,
    // Last, so that what runs in it ends before it is removed.
    folder: Folder,
}

const DATABASE: &str = "bench";
const PASSWORD: &str = "a-password-of-the-bench";
/// Bytes of a row of the table that is copied, about.
const ROW: u64 = 268;
const PATIENCE: Duration = Duration::from_secs(20);

impl Stage {
    /// Starts everything. Needs root; peers run as the user `postgres`.
    pub(super) fn set(weir: &Path, size: &Size) -> anyhow::Result<Self> {
        let folder = Folder::make()?;
        let port = free_port()?;
        tell(&format!("== stage: Postgres, {} MB to copy, haproxy, pgbouncer ==", size.megabytes));
        let hba = folder.write("hba.conf", "host all reader_scram all scram-sha-256\nhost all all all trust\n")?;
        let server = Server::start_with(&folder.0.join("server"), port, &settings(&hba, size))?;
        fill(port, size)?;
        let secret = sql(port, "SELECT rolpassword FROM pg_authid WHERE rolname = 'reader_scram'")?;
        let haproxy = haproxy(&folder, port)?;
        let pgbouncer = pgbouncer(&folder, port, &secret)?;
        configure(&folder, port)?;
        let mut stage = Self {
            copy_bytes: 0,
            policies: 0,
            weir: weir.to_owned(),
            port,
            haproxy,
            pgbouncer,
            _server: server,
            folder,
        };
        stage.policies = stage.probe()?;
        stage.copy_bytes = stage.copied()?;
        Ok(stage)
    }

    /// Where clients leave their files.
    pub(super) fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// Runs one of Postgres' programs as a client that goes this way; its standard output.
    pub(super) fn client(&self, way: Way, role: Role, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.command(way, role, program);
        let output = command.args(arguments).output().with_context(|| format!("{command:?}"))?;
        let said = |output: &Output| String::from_utf8_lossy(&output.stderr).trim().to_owned();
        ensure!(output.status.success(), "{program}, {}: {}\n{}", way.name(), output.status, said(&output));
        // weir's last words; a job that goes on after a refusal would have measured refusals.
        ensure!(way != Way::Weir || said(&output).ends_with(" 0 refused"), "{program}: weir refused something: {}", said(&output));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn command(&self, way: Way, role: Role, program: &str) -> Command {
        let program = Path::new(BIN).join(program);
        let mut command = match way {
            Way::Weir => {
                let mut weir = Command::new(&self.weir);
                weir.arg("run").arg("--config").arg(self.folder.0.join("weir.toml")).arg("--").arg(program);
                weir
            }
            Way::Direct | Way::Haproxy | Way::Pgbouncer => Command::new(program),
        };
        let port = match way {
            Way::Direct | Way::Weir => self.port,
            Way::Haproxy => self.haproxy.port,
            Way::Pgbouncer => self.pgbouncer.port,
        };
        let user = match role {
            Role::Trusted => "reader",
            Role::Scram => "reader_scram",
        };
        command.envs([("PGHOST", "127.0.0.1"), ("PGUSER", user), ("PGDATABASE", DATABASE), ("PGPASSWORD", PASSWORD)]);
        command.envs([("PGSSLMODE", "disable"), ("PGGSSENCMODE", "disable"), ("PGPORT", &port.to_string())]);
        command.current_dir(self.folder()).stdin(Stdio::null());
        command
    }

    /// How many policies weir says are in force, and that it enforces them.
    fn probe(&self) -> anyhow::Result<u64> {
        let mut command = self.command(Way::Weir, Role::Trusted, "psql");
        let output = command.args(["-XAtc", "SELECT 1"]).output().with_context(|| format!("{command:?}"))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let count = said.split_once(" policies").and_then(|(before, _)| before.rsplit(' ').next()?.parse().ok());
        match count {
            Some(count) if output.status.success() && said.contains("enforce mode") => Ok(count),
            Some(_) | None => bail!("weir does not run a job as it should: {}", said.trim()),
        }
    }

    /// Bytes that the COPY sends; also brings the table into the server's memory.
    fn copied(&self) -> anyhow::Result<u64> {
        let mut command = self.command(Way::Direct, Role::Trusted, "psql");
        let mut child = command.args(["-XAtc", "COPY archive TO STDOUT"]).stdout(Stdio::piped()).spawn()?;
        let bytes = io::copy(&mut child.stdout.take().context("psql has no output")?, &mut io::sink())?;
        ensure!(child.wait()?.success(), "psql can't copy the table");
        Ok(bytes)
    }
}

/// For reading: nothing on disk, nothing in the background. Beyond a quarter of shared_buffers a scan keeps out of them.
fn settings(hba: &Path, size: &Size) -> String {
    let megabytes = 512 + size.megabytes * 6;
    format!(
        "hba_file = '{}'\nshared_buffers = '{megabytes}MB'\nmax_connections = 200\nautovacuum = off\njit = off\n\
         synchronize_seqscans = off\nmax_wal_size = '8GB'\ncheckpoint_timeout = '1h'\nwal_level = minimal\nmax_wal_senders = 0\n",
        hba.display()
    )
}

fn fill(port: u16, size: &Size) -> anyhow::Result<()> {
    sql(port, &format!("CREATE DATABASE {DATABASE}"))?;
    let url = url(port);
    let scale = size.scale.to_string();
    quietly(Command::new(Path::new(BIN).join("pgbench")).args(["-i", "-q", "-s", &scale, &url]))?;
    // A row as a backup has many: keys, a time, names and texts.
    let rows = size.megabytes * 1_000_000 / ROW;
    sql(
        port,
        &format!(
            "CREATE UNLOGGED TABLE archive (id bigint, made timestamptz, customer text, email text, street text, city text, note text);
             INSERT INTO archive SELECT i, timestamptz '2024-01-01' + i * interval '7 seconds', 'customer ' || i,
               'someone.' || i || '@customers.example', i % 250 || ' ' || left(md5(i::text), 12) || ' street',
               (ARRAY['Lisboa', 'Oslo', 'Wien', 'Kyoto', 'Montevideo'])[i % 5 + 1],
               md5(i::text) || ' ' || md5((i + 1)::text) || ' ' || md5((i + 2)::text) || ' ' || md5((i + 3)::text)
             FROM generate_series(1, {rows}) AS i;
             CREATE ROLE reader LOGIN IN ROLE pg_read_all_data; CREATE ROLE catalog_reader LOGIN;
             CREATE ROLE reader_scram LOGIN IN ROLE pg_read_all_data PASSWORD '{PASSWORD}'"
        ),
    )?;
    sql(port, "VACUUM (FREEZE, ANALYZE)")?;
    sql(port, "CHECKPOINT").map(drop)
}

/// As an expert writes it for one TCP service: a thread for each core, no log, no limits in the way.
fn haproxy(folder: &Folder, server: u16) -> anyhow::Result<Peer> {
    let port = free_port()?;
    let text = format!(
        "global\n  nbthread 2\n  maxconn 4096\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n\
         listen pg\n  bind 127.0.0.1:{port}\n  server pg 127.0.0.1:{server}\n"
    );
    let file = folder.write("haproxy.cfg", &text)?;
    Peer::start("haproxy", &["-db", "-f", &file.to_string_lossy()], port)
}

/// Session mode. The role that the server asks for SCRAM is asked for it by pgbouncer as well, from the server's own secret,
/// which pgbouncer then can log in with.
fn pgbouncer(folder: &Folder, server: u16, secret: &str) -> anyhow::Result<Peer> {
    let port = free_port()?;
    let users = folder.write("users.txt", &format!("\"reader\" \"\"\n\"reader_scram\" \"{secret}\"\n"))?;
    let hba = folder.write(
        "pgbouncer.hba",
        "host all reader_scram 127.0.0.1/32 scram-sha-256\nhost all reader 127.0.0.1/32 trust\n",
    )?;
    let text = format!(
        "[databases]\n{DATABASE} = host=127.0.0.1 port={server} dbname={DATABASE}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {port}\nunix_socket_dir =\nauth_type = hba\nauth_hba_file = {}\nauth_file = {}\npool_mode = session\n\
         default_pool_size = 64\nmax_client_conn = 1000\nlog_connections = 0\nlog_disconnections = 0\nlog_stats = 0\n",
        hba.display(),
        users.display()
    );
    let file = folder.write("pgbouncer.ini", &text)?;
    Peer::start("pgbouncer", &[&file.to_string_lossy()], port)
}

/// weir's own configuration: the starter policies and those of `bench/policy.d`, enforced; recording as it is by default.
fn configure(folder: &Folder, port: u16) -> anyhow::Result<()> {
    let policies = folder.0.join("policy.d");
    fs::create_dir(&policies)?;
    for place in ["policies", "bench/policy.d"] {
        for entry in fs::read_dir(root().join(place))? {
            let file = entry?.path();
            if file.extension().is_some_and(|end| end == "cedar") {
                let name = file.file_name().context("a file has a name")?;
                fs::write(policies.join(name), adapted(&fs::read_to_string(&file)?))?;
            }
        }
    }
    let password = folder.secret("reader.secret", PASSWORD)?;
    let catalog = folder.secret("catalog.secret", "postgres://catalog_reader:unused@127.0.0.1")?;
    let text = format!(
        "trust_domain = \"acme.example\"\nstate_dir = \"{place}/state\"\n\n[policy]\ndir = \"{place}/policy.d\"\nmode = \"enforce\"\n\n\
         [[workload]]\nname = \"read-only-job\"\nmatch = {{ executable = \"{BIN}/pgbench\" }}\nowner = \"ana@acme.example\"\n\n\
         [[workload]]\nname = \"backup-job\"\nmatch = {{ executable = \"{BIN}/psql\" }}\nowner = \"ana@acme.example\"\n\n\
         [[target]]\nname = \"prod-pg\"\nenvironment = \"production\"\nmatch = [\"127.0.0.1:{port}\"]\nprotocol = \"postgres\"\n\
         tls = {{ client = \"off\", upstream = \"disable\" }}\ncredential = {{ inject = \"file:{}\" }}\n\
         catalog = {{ inject = \"file:{}\" }}\n",
        password.display(),
        catalog.display(),
        place = folder.0.display(),
    );
    folder.write("weir.toml", &text).map(drop)
}

/// The starter set with two of its settings changed: more statements at once than 16 clients run, and the default of what is
/// recorded, which is more than the set itself asks for.
fn adapted(policy: &str) -> String {
    let policy = policy.replace("context.run.concurrent > 8", "context.run.concurrent > 64");
    policy.replace(" @record(\"results=count\")", "").replace(" @record(\"results=digest\")", "")
}

fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/{DATABASE}?sslmode=disable&gssencmode=disable")
}

/// Runs `sql` as the superuser; its last answer.
fn sql(port: u16, sql: &str) -> anyhow::Result<String> {
    let url = if sql.starts_with("CREATE DATABASE") { url(port).replace(DATABASE, "postgres") } else { url(port) };
    let mut psql = Command::new(Path::new(BIN).join("psql"));
    quietly(psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", &url, "-c", sql]))
}

/// Runs it; what it says is the error where it fails.
fn quietly(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A proxy that runs, ended when dropped.
struct Peer {
    port: u16,
    child: Child,
}

impl Peer {
    fn start(program: &str, arguments: &[&str], port: u16) -> anyhow::Result<Self> {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups", program]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        let child = command.spawn().with_context(|| format!("can't start {program}: scripts/setup installs it"))?;
        let mut peer = Self { port, child };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = peer.child.try_wait()? {
                bail!("{program} ended at once ({status}): scripts/setup installs it");
            }
            ensure!(Instant::now() < deadline, "{program} does not listen");
            sleep(Duration::from_millis(20));
        }
        Ok(peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A folder of this run's own, which the user `postgres` can read; removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> anyhow::Result<Self> {
        let place = std::env::temp_dir().join(format!("weir-bench-{}", std::process::id()));
        fs::create_dir_all(&place)?;
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755))?;
        Ok(Self(place))
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let file = self.0.join(name);
        fs::write(&file, text).with_context(|| file.display().to_string())?;
        Ok(file)
    }

    fn secret(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let file = self.write(name, text)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        Ok(file)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
