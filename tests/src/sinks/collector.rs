//! The receivers of `receivers`, each with the `[[sink]]` that leads to it.

use super::{Arrived, Kind};
use crate::receivers::{Elastic, Hec, HecManner, Kafka, Nats, Otlp, Receives, S3};
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;

/// A running receiver, ended when dropped.
pub struct Collector {
    receives: Box<dyn Receives>,
    keys: String,
    /// Secrets in files.
    _folder: TempDir,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collector({})", self.keys)
    }
}

impl Collector {
    /// Starts one of this kind, with what goes wrong from time to time.
    pub(super) fn start(kind: Kind) -> Self {
        let folder = tempfile::Builder::new().prefix("weir-collector-").tempdir().expect("a temporary directory");
        let secret = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("our own directory");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("our own file");
            format!("\"file:{}\"", path.display())
        };
        let (receives, keys): (Box<dyn Receives>, String) = match kind {
            Kind::Splunk => {
                let hec = Hec::start(HecManner { busy_every: 101, lost_every: 23, ..HecManner::default() });
                let keys = format!("url = \"http://127.0.0.1:{}\"\ntoken = {}", hec.port(), secret("token", Hec::TOKEN));
                (Box::new(hec), keys)
            }
            Kind::Elasticsearch => {
                let elastic = Elastic::start(17);
                let url = format!("url = \"http://127.0.0.1:{}\"\nindex = \"logs-weir-default\"", elastic.port());
                (Box::new(elastic), format!("{url}\napi_key = {}", secret("key", Elastic::KEY)))
            }
            Kind::Otlp => {
                let otlp = Otlp::start();
                let keys =
                    format!("url = \"http://127.0.0.1:{}\"\nheaders = {{ api-key = {} }}", otlp.port, secret("key", Otlp::KEY));
                (Box::new(otlp), keys)
            }
            Kind::Nats => {
                let nats = Nats::start();
                let login = format!("username = {}\npassword = {}", secret("user", Nats::LOGIN.0), secret("word", Nats::LOGIN.1));
                let ca = nats.ca().display().to_string();
                let keys = format!("servers = [\"tls://127.0.0.1:{}\"]\nca = \"file:{ca}\"\n{login}", nats.port);
                (Box::new(nats), keys)
            }
            Kind::Kafka => {
                let kafka = Kafka::start();
                let ca = kafka.ca().display().to_string();
                let keys = format!("topic = \"weir\"\nca = \"file:{ca}\"\ndelivery_seconds = 2");
                let keys = format!("brokers = [\"127.0.0.1:{}\"]\n{keys}", kafka.port());
                (Box::new(kafka), keys)
            }
            Kind::S3 => {
                let s3 = S3::start();
                let keys = format!("access_key = {}\nsecret_key = {}", secret("id", "test"), secret("secret", "hunter2-secret"));
                let bucket = "bucket = \"locked\"\nregion = \"eu-central-1\"\nobject_lock = \"required\"\nevery_seconds = 1";
                let keys = format!("{bucket}\nendpoint = \"http://127.0.0.1:{}\"\n{keys}", s3.port());
                (Box::new(s3), keys)
            }
            Kind::SyslogTcp | Kind::SyslogTls | Kind::Webhook => panic!("{} is no collector", kind.name()),
        };
        let keys = format!("kind = \"{}\"\nformat = \"json\"\n{keys}\n", kind.name());
        Self { receives, keys, _folder: folder }
    }

    pub(super) fn keys(&self) -> &str {
        &self.keys
    }

    pub(super) fn receives(&mut self) -> &mut dyn Receives {
        &mut *self.receives
    }

    /// What it has kept. Numbers are in its fields, and not looked at.
    pub(super) fn arrived(&self) -> Vec<Arrived> {
        self.receives.told().into_iter().map(|told| Arrived { number: 0, uid: told.uid, again: told.again }).collect()
    }
}
