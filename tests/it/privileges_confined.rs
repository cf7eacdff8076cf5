//! `weir run --privileges confined`: sudo, su, dpkg, apt and a browser work, and the host's own files stay as they were.

use std::path::Path;
use weir_tests::{Outcome, Postgres, Weir};

const CONFINED: &[&str] = &["--privileges", "confined"];

fn weir() -> (Postgres, Weir) {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    (server, weir)
}

#[test]
fn sudo_and_su_work_and_do_not_without_the_tier() {
    let (_server, weir) = weir();
    // What it writes to /etc is its own: the host's sudoers are not touched.
    let script = "echo 'nobody ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/weir-test && chmod 440 /etc/sudoers.d/weir-test \
                  && setpriv --reuid nobody --regid nogroup --clear-groups sudo -n id -u && su -s /bin/sh -c 'id -un' nobody";
    let outcome = weir.run_with(CONFINED, &["sh", "-c", script]).expect_success();
    assert_eq!(outcome.stdout, "0\nnobody\n", "{}", outcome.stderr);
    assert!(!Path::new("/etc/sudoers.d/weir-test").exists());
    // The same set-uid program in `none` has no more than its caller.
    let outcome = weir.run_with(&["--uid", "nobody"], &["sudo", "-n", "id", "-u"]);
    assert_ne!(outcome.status, Some(0));
    assert!(outcome.stderr.contains("no new privileges"), "{}", outcome.stderr);
}

#[test]
fn dpkg_and_apt_install_a_package_that_is_gone_with_the_job() {
    let (_server, weir) = weir();
    let script = weir.script("install.sh", INSTALL);
    let outcome = weir.run_with(CONFINED, &["sh", script.to_str().expect("a UTF-8 path")]).expect_success();
    assert!(outcome.stdout.ends_with("from the package\nroot 4755\n"), "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains("is discarded"), "{}", outcome.stderr);
    assert!(!Path::new("/usr/bin/weir-test-package").exists(), "it was written to the host");
    let known = std::process::Command::new("dpkg").args(["-s", "weir-test-package"]).output().expect("dpkg is there");
    assert!(!known.status.success(), "the host's dpkg knows it");
}

/// Makes a package with a set-uid program and has apt install it, without the network.
const INSTALL: &str = r#"
set -e
cd "$(mktemp -d)"
mkdir -p p/DEBIAN p/usr/bin
printf 'Package: weir-test-package\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: a test\n' > p/DEBIAN/control
printf '#!/bin/sh\nset -e\nchown root:root /usr/bin/weir-test-package\nchmod 4755 /usr/bin/weir-test-package\n' > p/DEBIAN/postinst
chmod 755 p/DEBIAN/postinst
printf '#!/bin/sh\necho from the package\n' > p/usr/bin/weir-test-package
chmod 755 p/usr/bin/weir-test-package
dpkg-deb --build --root-owner-group p weir-test-package.deb >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$PWD/weir-test-package.deb" >&2
dpkg -s weir-test-package >/dev/null
weir-test-package
stat -c '%U %a' /usr/bin/weir-test-package
"#;

#[test]
fn root_inside_can_not_leave_anything_for_root_outside_to_run() {
    let (_server, weir) = weir();
    let name = format!("weir-test-{}", std::process::id());
    let places =
        ["/usr/bin", "/usr/local/bin", "/etc", "/etc/cron.d", "/var/lib", "/opt", "/root", "/run", "/boot", "/home", "/srv"];
    let there: Vec<_> = places.into_iter().filter(|place| Path::new(place).is_dir()).collect();
    let writes: String = there.iter().map(|place| format!("echo x > {place}/{name} && ")).collect();
    let script =
        format!("{writes} rm /bin && ln -s /tmp /bin; /usr/bin/test -e /usr/bin/{name} && /usr/bin/echo all were written");
    let outcome = weir.run_with(CONFINED, &["sh", "-c", &script]).expect_success();
    assert_eq!(outcome.stdout, "all were written\n", "{}", outcome.stderr);
    for place in &there {
        assert!(!Path::new(place).join(&name).exists(), "{place}/{name} was written to the host");
    }
    assert_eq!(std::fs::read_link("/bin").ok().as_deref(), Some(Path::new("usr/bin")), "the root folder was written to");
    // Without capabilities root's user id alone would do; there they are read-only.
    for place in ["/usr/bin", "/etc", "/boot"] {
        let outcome = weir.run(&["sh", "-c", &format!("echo x > {place}/{name}")]);
        assert_ne!(outcome.status, Some(0));
        assert!(outcome.stderr.contains("Read-only file system"), "{}", outcome.stderr);
    }
}

#[test]
fn root_inside_can_not_leave_a_set_uid_program_where_everyone_is() {
    let (_server, weir) = weir();
    let handed = weir.script("handed.sh", "echo handed over\n");
    let name = format!("weir-test-{}", std::process::id());
    for place in ["/tmp", "/var/tmp", "/dev/shm"] {
        let file = format!("{place}/{name}");
        let script = format!(
            "cp /usr/bin/id {file} && chown root {file} && chmod 4755 {file} && stat -c %a {file} && sh {}",
            handed.display()
        );
        let outcome = weir.run_with(CONFINED, &["sh", "-c", &script]).expect_success();
        // What a runner hands over there is read, and the bit was set: inside.
        assert_eq!(outcome.stdout, "4755\nhanded over\n", "{}", outcome.stderr);
        assert!(!Path::new(&file).exists(), "{file} was left to the host");
    }
    let file = format!("/tmp/{name}");
    weir.run_with(&[CONFINED, &["--keep", "/tmp"]].concat(), &["touch", &file]).expect_success();
    std::fs::remove_file(file).expect("it was asked to be kept");
    // Its own sockets work there.
    let script = "import socket, tempfile; path = tempfile.mkdtemp() + '/s'; server = socket.socket(socket.AF_UNIX)\n\
                  server.bind(path); server.listen(); socket.socket(socket.AF_UNIX).connect(path); print('connected')";
    let outcome = weir.run_with(CONFINED, &["/usr/bin/python3", "-c", script]).expect_success();
    assert_eq!(outcome.stdout, "connected\n");
}

#[test]
fn what_it_writes_where_it_works_stays_and_elsewhere_as_asked_for() {
    let (_server, weir) = weir();
    let kept = tempfile::tempdir_in("/opt").or_else(|_| tempfile::tempdir_in("/var")).expect("root may");
    let out = weir.directory().join("out");
    let script = format!("echo work > out; echo kept > {}/file", kept.path().display());
    let mut job = weir.command(CONFINED, &["sh", "-c", &script]);
    let outcome: Outcome = job.current_dir(weir.directory()).output().expect("weir starts").into();
    outcome.expect_success();
    assert_eq!(std::fs::read_to_string(&out).ok().as_deref(), Some("work\n"));
    assert!(!kept.path().join("file").exists());
    let script = format!("echo kept > {}/file", kept.path().display());
    let keep = kept.path().to_str().expect("a UTF-8 path");
    weir.run_with(&[CONFINED, &["--keep", keep]].concat(), &["sh", "-c", &script]).expect_success();
    assert_eq!(std::fs::read_to_string(kept.path().join("file")).ok().as_deref(), Some("kept\n"));
    std::fs::remove_file(kept.path().join("file")).expect("our own file");
    weir.run_with(&[CONFINED, &["--keep-writes"]].concat(), &["sh", "-c", &script]).expect_success();
    assert!(kept.path().join("file").exists());
    let scratch = weir.directory().join("state/scratch");
    assert_eq!(std::fs::read_dir(scratch).map_or(0, Iterator::count), 0, "layers were left");
}

#[test]
fn a_job_s_connections_are_intercepted_in_each_tier() {
    let (_server, weir) = weir();
    for options in [CONFINED, &["--privileges", "host"], &[], &["--allow", "namespaces"]] {
        let outcome = weir.run_with(options, &["psql", "-X", "-A", "-t", "-c", "SELECT 42"]).expect_success();
        assert_eq!(outcome.stdout, "42\n");
    }
    assert_eq!(weir.sessions().len(), 4);
}

/// Chromium without its sandbox in both tiers, and with it where the job may make namespaces.
#[test]
fn a_browser_works() {
    let (_server, weir) = weir();
    let page = weir.script("page.html", "<title>x</title><body><script>document.write('sum ' + (40 + 2))</script>");
    std::fs::set_permissions(weir.directory(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("our own");
    let url = format!("file://{}", page.display());
    let profile = |name: &str| format!("--user-data-dir={}/{name}", weir.directory().display());
    for (name, options, sandbox) in [
        ("none", &["--uid", "nobody"][..], "--no-sandbox"),
        ("confined", &["--privileges", "confined", "--uid", "nobody"], "--no-sandbox"),
        ("sandboxed", &["--allow", "namespaces", "--uid", "nobody"], "--disable-setuid-sandbox"),
    ] {
        let profile = profile(name);
        let command =
            ["chromium", "--headless", "--disable-gpu", sandbox, &profile, "--disable-dev-shm-usage", "--dump-dom", &url];
        let outcome = weir.run_with(options, &[&["env", "HOME=/tmp", "timeout", "100"], &command[..]].concat());
        assert!(outcome.stdout.contains("sum 42"), "{name}: {:?} {}\n{}", outcome.status, outcome.stdout, outcome.stderr);
    }
}
