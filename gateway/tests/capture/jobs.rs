//! What makes a job: a rule, a user; what it may, and how it ends.

use crate::bench::Bench;
use std::fs;
use std::io::BufRead as _;
use std::process::Command;
use std::time::Duration;
use weir::capture::{JobTag, KernelEvent, KernelRule, cgroup_id, cgroup_path};

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_cgroup_that_matches_a_rule_is_a_job_before_its_first_process() {
    let bench = Bench::new();
    let rules = [format!("{}/none", bench.name()), format!("{}/*/ci-*.scope", bench.name())];
    let rules: Vec<KernelRule> = rules.iter().map(|pattern| KernelRule::new(pattern, 0).unwrap()).collect();
    bench.capture.set_rules(&rules).unwrap();
    let mut events = bench.capture.events().unwrap();
    let before = time_of_run();
    let (matching, other) = (bench.top.join("other/ci-7.scope"), bench.top.join("other/ci-7.service"));
    fs::create_dir(&matching).unwrap();
    fs::create_dir(&other).unwrap();
    let event = events.wait(PATIENCE);
    let Some(KernelEvent::JobMade { cgroup, job, path }) = event else { panic!("{event:?}") };
    assert_eq!((cgroup, job.rule), (cgroup_id(&matching).unwrap(), 1));
    assert_eq!(path, format!("{}/other/ci-7.scope", bench.name()));
    assert_eq!(cgroup_path(cgroup).as_deref(), Some(matching.as_path()));
    assert!((before..=time_of_run()).contains(&(job.run >> 22)), "the run's number begins with the time of day");
    assert!(bench.capture.jobs().unwrap().contains(&(cgroup, job)));

    bench.python("other/ci-7.scope", "dial(socket.AF_INET, ('192.0.2.1', 80))");
    let origin = bench.arrival().unwrap();
    assert_eq!((origin.run.number(), origin.job), (job.run, job));
    bench.python("other/ci-7.service", "socket.socket().close()");
    assert_eq!(bench.capture.jobs().unwrap().len(), 2, "the bench's own job and the one by rule");

    // Below a job a matching name is no other identity.
    bench.capture.set_rules(&[KernelRule::new("*/inner-job", 0).unwrap()]).unwrap();
    fs::create_dir(matching.join("inner-job")).unwrap();
    fs::remove_dir(matching.join("inner-job")).unwrap();
    fs::remove_dir(&matching).unwrap();
    assert_eq!(events.wait(PATIENCE), Some(KernelEvent::JobGone { cgroup, job }), "and nothing between");
    assert!(!bench.capture.jobs().unwrap().iter().any(|(id, _)| *id == cgroup));
    fs::remove_dir(&other).unwrap();
}

/// The time of day in the unit of a run's number.
fn time_of_run() -> u64 {
    u64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[test]
fn every_pattern_means_what_it_says() {
    let bench = Bench::new();
    let mut events = bench.capture.events().unwrap();
    for (pattern, matches) in [
        ("*", true),
        ("*/other/x-abab", true),
        ("*ab", true),
        ("*ba", false),
        ("*a*b*a*b", true),
        ("*a*b*a*b*c*", false),
        ("*/other/x-abab*", true),
        ("/other/x-abab", false),
        ("*/other/x-aba", false),
        ("**x-abab**", true),
    ] {
        bench.capture.set_rules(&[KernelRule::new(pattern, 0).unwrap()]).unwrap();
        let path = bench.top.join("other/x-abab");
        fs::create_dir(&path).unwrap();
        fs::remove_dir(&path).unwrap();
        let seen = events.poll().into_iter().chain(events.poll()).filter(|event| matches!(event, KernelEvent::JobMade { .. }));
        assert_eq!(seen.count() == 1, matches, "{pattern}");
    }
}

#[test]
fn what_matches_outside_of_the_hooks_is_no_job() {
    let bench = Bench::new();
    let mut events = bench.capture.events().unwrap();
    bench.capture.set_rules(&[KernelRule::new("*/nightly.service", 0).unwrap()]).unwrap();
    let beside = bench.top.with_file_name(format!("{}-beside", bench.name().trim_start_matches('/')));
    let (inside, outside) = (bench.top.join("nightly.service"), beside.join("nightly.service"));
    fs::create_dir(&beside).unwrap();
    fs::create_dir(&outside).unwrap();
    // What comes first is of the second: nothing came of the one outside.
    fs::create_dir(&inside).unwrap();
    let (id, path) = (cgroup_id(&inside).unwrap(), format!("{}/nightly.service", bench.name()));
    let next = events.wait(PATIENCE);
    let jobs = bench.capture.jobs().unwrap();
    let outside_id = cgroup_id(&outside).unwrap();
    for folder in [&inside, &outside, &beside] {
        fs::remove_dir(folder).unwrap();
    }
    assert!(matches!(&next, Some(KernelEvent::JobMade { cgroup, path: told, .. }) if (*cgroup, told) == (id, &path)), "{next:?}");
    assert!(!jobs.iter().any(|(cgroup, _)| *cgroup == outside_id), "{jobs:?}");
}

#[test]
fn a_user_can_be_a_job() {
    let bench = Bench::new();
    let job = JobTag { run: 99, rule: 3, flags: 0 };
    bench.capture.add_uid(65_534, job).unwrap();
    bench.python("other", "os.setuid(65534); dial(socket.AF_INET, ('192.0.2.1', 80))");
    assert_eq!(bench.arrival().unwrap().job, job);
    bench.capture.remove_uid(65_534).unwrap();
    bench.python(
        "other",
        "os.setuid(65534); l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(); dial(socket.AF_INET, l.getsockname())",
    );
    assert_eq!(bench.capture.refusals().iter().map(|(_, count)| count).sum::<u64>(), 0);
}

#[test]
fn what_a_job_says_to_itself_over_loopback_is_its_own() {
    let bench = Bench::new();
    let script = "
for family, host, wild in ((socket.AF_INET, '127.0.0.1', '0.0.0.0'), (socket.AF_INET6, '::1', '::')):
    for at in (host, wild):
        l = socket.socket(family); l.bind((at, 0)); l.listen()
        s = dial(family, (host, l.getsockname()[1]))
        print(s.getpeername()[:2] == (host, l.getsockname()[1]), l.accept()[1] == s.getsockname())
        far = dial(family, ('2001:db8::1' if family == socket.AF_INET6 else '192.0.2.1', l.getsockname()[1]))
        l.settimeout(0.2); print(attempt(l.accept))";
    let printed = bench.python(
        "job",
        &script.replace(
            "print(attempt(l.accept))",
            "\n        try: l.accept(); print('bypassed')\n        except TimeoutError: pass",
        ),
    );
    assert_eq!(printed, ["True True"; 4].join("\n"));
    // A listener on every address is found under those of others, too: these are caught as ever.
    for _ in 0..4 {
        assert!(matches!(bench.arrival().unwrap().original.0.ip().to_string().as_str(), "192.0.2.1" | "2001:db8::1"));
    }
}

#[test]
fn the_gateway_s_port_is_no_job_s() {
    let bench = Bench::new();
    let script = "
def bind(family, to): s = socket.socket(family); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(to)
print(attempt(lambda: bind(socket.AF_INET, ('127.128.0.5', port))), attempt(lambda: bind(socket.AF_INET6, ('::1', port))),
      attempt(lambda: bind(socket.AF_INET, ('0.0.0.0', 0))), attempt(lambda: bind(socket.AF_INET6, ('::', 0))))";
    assert_eq!(bench.python("job", script), "EADDRINUSE EADDRINUSE ok ok");
    assert_eq!(bench.refused("bind"), 2);
}

#[test]
fn no_job_fills_the_records_of_all() {
    let bench = Bench::pinned();
    bench.poke("OPEN", &bench.run.number().to_le_bytes(), &16_384_u64.to_le_bytes());
    let script = "print(attempt(lambda: dial(socket.AF_INET, ('192.0.2.1', 80))))";
    assert_eq!(bench.python("job", script), "ECONNREFUSED");
    assert_eq!(bench.refused("job_full"), 1);
    bench.capture.forget_run(bench.run.number());
    assert_eq!(bench.python("job", script), "ok");
    bench.arrives("192.0.2.1:80");
}

#[test]
fn who_leaves_a_job_by_its_cgroup_gets_no_further() {
    let bench = Bench::new();
    let mut events = bench.capture.events().unwrap();
    let script = "
s = socket.socket()
enter(sys.argv[3])
print(attempt(lambda: s.connect(('192.0.2.1', 80))), attempt(lambda: dial(socket.AF_INET, ('192.0.2.1', 80))))
sys.stdout.flush()
if os.fork() == 0:
    if os.fork() == 0:
        print(attempt(lambda: dial(socket.AF_INET, ('192.0.2.2', 80))),
              attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.2', 53))))
        sys.stdout.flush()
    else: os.wait()
    os._exit(0)
os.wait()
enter(sys.argv[1]); print(attempt(lambda: dial(socket.AF_INET, ('192.0.2.3', 80))))";
    assert_eq!(bench.python("job", script), "EACCES EACCES\nEACCES EACCES\nok");
    bench.arrives("192.0.2.3:80");
    let left = events.poll();
    let Some(KernelEvent::TaskLeft { cgroup, job, pid }) = left else { panic!("{left:?}") };
    assert_eq!((cgroup, job.run), (cgroup_id(&bench.top.join("other")).unwrap(), bench.run.number()));
    assert!(pid > 0);
    assert_eq!(bench.refused("foreign_socket"), 4);
}

#[test]
fn processes_are_forgotten_as_they_end() {
    let bench = Bench::pinned();
    let map = bench.settings.pins.clone().unwrap().join("MEMBERS");
    let members = || {
        let output = Command::new("bpftool").args(["-j", "map", "dump", "pinned"]).arg(&map).output().unwrap();
        String::from_utf8_lossy(&output.stdout).matches("\"key\":[").count()
    };
    // The second thread's exec goes on under the number of the first, which ends by it.
    let script = "
import threading
for _ in range(20):
    if os.fork() == 0: os._exit(0)
for _ in range(20): os.wait()
sys.stdout.flush()
threading.Thread(target=lambda: os.execvp('sh', ['sh', '-c', 'echo $$; read x'])).start()
time.sleep(60)";
    let mut job = bench.spawn("job", script);
    let mut said = String::new();
    std::io::BufReader::new(job.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    assert_eq!((said.trim(), members()), (job.id().to_string().as_str(), 1), "the one that still runs");
    drop(job.stdin.take());
    assert!(job.wait().is_ok());
    assert_eq!(members(), 0);
}
