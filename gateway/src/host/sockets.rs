//! Unix sockets of this host that lead past every gateway: databases, container runtimes, service managers.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// A socket that somebody listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSocket {
    /// Its path.
    pub path: String,
    /// What listens there, by its name.
    pub kind: &'static str,
    /// Who may connect: `everyone`, `group NAME`, `user NAME`, or `nobody` where it can't be found by its path.
    pub reachable_by: String,
}

/// Those sockets, as `/proc/net/unix` lists them, each path once.
#[must_use]
pub fn host_sockets() -> Vec<HostSocket> {
    let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let mut found: Vec<HostSocket> = listening(&table)
        .filter_map(|path| {
            let kind = kind(path)?;
            Some(HostSocket { path: path.to_owned(), kind, reachable_by: reachable_by(Path::new(path)) })
        })
        .collect();
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found.dedup();
    found
}

/// Paths of sockets that accept connections.
fn listening(table: &str) -> impl Iterator<Item = &str> {
    /// `__SO_ACCEPTCON`.
    const ACCEPTS: u32 = 1 << 16;
    table.lines().skip(1).filter_map(|line| {
        let flags = u32::from_str_radix(line.split_whitespace().nth(3)?, 16).ok()?;
        let path = line.get(line.find(" /")? + 1..)?;
        (flags & ACCEPTS != 0).then_some(path)
    })
}

/// What usually listens at a socket of this name.
fn kind(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next()?;
    let stem = name.strip_suffix(".sock").unwrap_or(name);
    Some(match stem {
        _ if name.starts_with(".s.PGSQL.") => "postgres",
        "mysqld" | "mysql" | "mysqlx" | "mariadb" => "mysql",
        _ if stem.starts_with("redis") || stem.starts_with("valkey") => "redis",
        _ if stem.starts_with("mongodb-") => "mongodb",
        "memcached" => "memcached",
        "docker" | "containerd" | "podman" | "crio" | "buildkitd" => "containers",
        "system_bus_socket" => "dbus",
        "private" if path.ends_with("/systemd/private") => "systemd",
        _ => return None,
    })
}

/// To connect takes the right to write to the socket, and to pass every folder above it.
fn reachable_by(path: &Path) -> String {
    let Ok(socket) = fs::metadata(path) else { return "nobody".to_owned() };
    let others_pass = path.ancestors().skip(1).all(|folder| fs::metadata(folder).is_ok_and(|folder| folder.mode() & 0o001 != 0));
    if socket.mode() & 0o002 != 0 && others_pass {
        return "everyone".to_owned();
    }
    let group = nix::unistd::Group::from_gid(socket.gid().into()).ok().flatten().map(|group| group.name);
    let user = nix::unistd::User::from_uid(socket.uid().into()).ok().flatten().map(|user| user.name);
    if socket.mode() & 0o020 != 0 {
        return format!("group {}", group.unwrap_or_else(|| socket.gid().to_string()));
    }
    format!("user {}", user.unwrap_or_else(|| socket.uid().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_database_s_socket_is_found_and_it_is_said_for_whom() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".s.PGSQL.5432");
        let _listener = UnixListener::bind(&path).unwrap();
        let reach = |folder_mode, socket_mode| {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(folder_mode)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(socket_mode)).unwrap();
            let found = host_sockets().into_iter().find(|socket| Path::new(&socket.path) == path).unwrap();
            assert_eq!(found.kind, "postgres");
            found.reachable_by
        };
        assert_eq!(reach(0o755, 0o777), "everyone");
        assert!(reach(0o700, 0o770).starts_with("group "));
        assert!(reach(0o755, 0o700).starts_with("user "));
    }

    #[test]
    fn names_say_what_listens() {
        for (path, expected) in [
            ("/run/mysqld/mysqld.sock", Some("mysql")),
            ("/run/redis/redis-server.sock", Some("redis")),
            ("/run/docker.sock", Some("containers")),
            ("/run/systemd/private", Some("systemd")),
            ("/run/weir/host.sock", None),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }
}
