//! What stays refused while the gateway, its listener or its pins are gone, and what is left behind: nothing.

use crate::bench::Bench;
use std::fs;
use std::net::{Ipv6Addr, TcpListener};
use std::process::Command;
use weir::capture::{Capture, CaptureError, JobTag, KernelEvent, Refusal, cgroup_id};

const DIAL: &str = "print(attempt(lambda: dial(socket.AF_INET, ('192.0.2.1', 80)).close()))";

#[test]
fn without_a_listener_in_its_network_namespace_a_job_is_refused() {
    let bench = Bench::new();
    bench.capture.remove_listener(bench.netns_cookie);
    assert_eq!(bench.python("job", DIAL), "ECONNREFUSED");
    assert_eq!(bench.refused("no_listener"), 1);
    let mut events = bench.capture.events().unwrap();
    let event = events.wait(std::time::Duration::from_secs(5));
    let Some(KernelEvent::Refused(call, Refusal::NoListener)) = event else { panic!("{event:?}") };
    assert_eq!((call.to.to_string().as_str(), call.netns_cookie), ("192.0.2.1:80", bench.netns_cookie));
    assert_eq!(call.job.map(|job| job.run), Some(bench.run.number()));
    assert!(bench.capture.events().is_none(), "two readers of one ring would share the events");
}

#[test]
fn another_ones_listener_is_not_taken_for_the_gateways() {
    let bench = Bench::new();
    let squatter = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
    bench.capture.add_listener(bench.netns_cookie, squatter.local_addr().unwrap().port()).unwrap();
    assert_eq!(bench.python("job", DIAL), "ECONNREFUSED");
    drop(squatter);
    assert_eq!(bench.python("job", DIAL), "ECONNREFUSED");
    assert_eq!(bench.refused("no_gateway"), 2);
    bench.capture.add_listener(bench.netns_cookie, bench.port).unwrap();
    assert_eq!(bench.python("job", DIAL), "ok");
    bench.arrives("192.0.2.1:80");
}

#[test]
fn the_gateways_listener_hears_the_loopback_device_alone() {
    let bench = Bench::new();
    let name = format!("weirt{}", std::process::id());
    let script = format!(
        "ip netns add {name} && ip link add {name}a type veth peer name {name}b netns {name} &&
         ip addr add 192.0.2.1/30 dev {name}a && ip link set {name}a up &&
         ip -n {name} addr add 192.0.2.2/30 dev {name}b && ip -n {name} link set {name}b up &&
         ip netns exec {name} timeout 1 bash -c 'exec 3<>/dev/tcp/192.0.2.1/{}'; echo $?; ip netns del {name}; ip link del {name}a 2>/dev/null",
        bench.port
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    // 124: timeout(1) ended it, the SYN was not answered.
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "124", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_second_gateway_does_not_get_the_pins_of_a_running_one() {
    let bench = Bench::pinned();
    let pins = bench.settings.pins.clone().unwrap();
    assert!(pins.join("weir_connect4").exists() && pins.join("JOBS").exists());
    // The test is one process, so the other gateway's is made up: init's.
    let init = fs::read_to_string("/proc/1/stat").unwrap();
    let ticks: u64 = init.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap();
    let bytes: Vec<String> = ticks.to_le_bytes().iter().map(ToString::to_string).collect();
    let map = pins.join("GATEWAYS");
    let bpftool = |arguments: &[&str]| Command::new("bpftool").args(arguments).status().unwrap().success();
    let map = map.to_str().unwrap();
    let mut update = vec!["map", "update", "pinned", map, "key", "1", "0", "0", "0", "value"];
    update.extend(bytes.iter().map(String::as_str));
    assert!(bpftool(&update));
    let second = Capture::attach(&bench.settings).err();
    assert!(matches!(second, Some(CaptureError::Occupied { pid: 1, .. })), "{second:?}");
    assert!(bpftool(&["map", "delete", "pinned", map, "key", "1", "0", "0", "0"]));
    bench.capture.leave();
    assert!(!pins.exists(), "leaving removes links, maps and the directory");
    assert_eq!(bench.python("job", "print(socket.socket().close())"), "None");
}

#[test]
fn the_next_gateway_takes_over_without_a_gap_or_a_double_record() {
    let bench = Bench::pinned();
    assert_eq!(bench.python("job", DIAL), "ok");
    bench.arrives("192.0.2.1:80");
    let next = Capture::adopt(&bench.settings).unwrap();
    assert_eq!(next.mark(), bench.capture.mark());
    assert_eq!(next.jobs().unwrap(), bench.capture.jobs().unwrap());
    bench.capture.hand_over();
    // Once each, and to where the job meant: two generations at once would record the first one's disguise.
    for number in 1..4 {
        let script = format!("dial(socket.AF_INET, ('192.0.2.{number}', 80)).close()");
        bench.python("job", &script);
        bench.arrives(&format!("192.0.2.{number}:80"));
    }
    next.leave();
    assert!(!bench.settings.pins.clone().unwrap().exists());
}

#[test]
fn programs_are_replaced_under_load() {
    let bench = Bench::pinned();
    let script = "
import select
count = refused = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    try: dial(socket.AF_INET, ('192.0.2.%d' % (count % 250 + 1), 80)).close(); count += 1
    except OSError: refused += 1
print(count, refused)";
    let mut job = bench.spawn("job", script);
    // The load has begun.
    bench.arrives("192.0.2.1:80");
    let mut generations = Vec::new();
    for _ in 0..3 {
        let next = Capture::adopt(&bench.settings).unwrap();
        generations.last().unwrap_or(&*bench.capture).hand_over();
        generations.push(next);
    }
    drop(job.stdin.take());
    let output = job.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let (count, refused) = said.trim().split_once(' ').unwrap();
    assert_eq!(refused, "0", "no connect finds no program, or no gateway");
    let count: usize = count.parse().unwrap();
    assert!(count > 10, "{count} connects are no load");
    // Each once, and to where it was meant: a record made twice would have the disguise in it.
    for number in 1..count {
        bench.arrives(&format!("192.0.2.{}:80", number % 250 + 1));
    }
    generations.pop().unwrap().leave();
    assert!(!bench.settings.pins.clone().unwrap().exists());
}

#[test]
fn a_job_that_is_refused_all_the_time_hides_nobody_else() {
    let bench = Bench::new();
    let mut events = bench.capture.events().unwrap();
    bench.capture.remove_listener(bench.netns_cookie);
    let script = "
for _ in range(3000):
    s = socket.socket(); s.connect_ex(('192.0.2.1', 80)); s.close()";
    bench.python("job", script);
    let other = JobTag::of_run(bench.run.number() + 1);
    bench.capture.add_job(cgroup_id(&bench.top.join("other")).unwrap(), other).unwrap();
    bench.python("other", "attempt(lambda: dial(socket.AF_INET, ('192.0.2.2', 80)))");
    assert_eq!(bench.refused("no_listener"), 3001);
    let (mut flood, mut quiet) = (0, 0);
    while let Some(event) = events.poll() {
        match event {
            KernelEvent::Refused(call, Refusal::NoListener) if call.job == Some(other) => quiet += 1,
            KernelEvent::Refused(_, Refusal::NoListener) => flood += 1,
            event => panic!("{event:?}"),
        }
    }
    assert_eq!((quiet, bench.capture.events_lost()), (1, 0));
    assert_eq!(flood + bench.capture.events_held(), 3000);
    assert!(flood >= 256 && bench.capture.events_held() > 0, "{flood} of 3000 were told");
}
