//! UDP of jobs: DNS comes to the gateway and back, the rest is refused.

use crate::bench::Bench;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::process::Child;
use weir::capture::{answer, receive};

/// Takes a question, checks for which server it was meant, answers it, and gives the token.
fn serve(bench: &Bench, original: &str) -> IpAddr {
    let mut buffer = [0; 512];
    let received = receive(&bench.udp, &mut buffer).unwrap();
    assert_eq!(buffer.get(..received.length), Some(b"question".as_slice()), "{original}");
    let flow = bench.capture.flow(received.token, bench.netns_cookie).unwrap().unwrap();
    assert_eq!(Ipv6Addr::from(flow.original_address).to_canonical().to_string(), original);
    assert_eq!((flow.original_port, flow.job.run), (53, bench.run.number()));
    answer(&bench.udp, &received, b"answer").unwrap();
    received.token
}

/// What a job has printed when it ends.
fn said(job: Child) -> String {
    let output = job.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn dns_comes_to_the_gateway_and_its_answer_from_the_server_that_was_asked() {
    let bench = Bench::new();
    let cases = [
        ("AF_INET", "192.0.2.53", "192.0.2.53"),
        ("AF_INET", "127.0.0.53", "127.0.0.53"),
        ("AF_INET6", "2001:db8::53", "2001:db8::53"),
        ("AF_INET6", "::1", "::1"),
        ("AF_INET6", "::ffff:192.0.2.53", "192.0.2.53"),
    ];
    for (family, server, original) in cases {
        for connected in [false, true] {
            let ask = if connected {
                "s.connect(to); s.send(b'question'); peer = s.getpeername()[:2] == to"
            } else {
                "s.sendto(b'question', to); peer = True"
            };
            let script = format!(
                "
s = socket.socket(socket.{family}, socket.SOCK_DGRAM); s.settimeout(10); to = ('{server}', 53)
{ask}
answer, source = s.recvfrom(512)
print(answer.decode(), source[:2] == to, peer)"
            );
            let job = bench.spawn("job", &script);
            let token = serve(&bench, original);
            assert_eq!(said(job), "answer True True", "{server}, connected: {connected}");
            let left = bench.capture.flow(token, bench.netns_cookie).unwrap();
            assert_eq!(left, None, "the flow ends with its socket");
        }
    }
}

#[test]
fn one_socket_asks_several_servers_and_many_times() {
    let bench = Bench::new();
    let script = "
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10)
servers = [('192.0.2.%d' % n, 53) for n in range(1, 4)] * 2
for to in servers: s.sendto(b'question', to)
print(sorted(s.recvfrom(512)[1] for _ in servers) == sorted(servers))";
    let job = bench.spawn("job", script);
    let servers = (1..4).chain(1..4).map(|number| format!("192.0.2.{number}"));
    let tokens: Vec<IpAddr> = servers.map(|server| serve(&bench, &server)).collect();
    assert_eq!(tokens.get(..3), tokens.get(3..), "a flow keeps its token");
    assert_eq!(said(job), "True");
}

#[test]
fn other_udp_is_refused_however_it_is_sent() {
    let bench = Bench::new();
    let script = "
import ctypes
def udp(v6=False): return socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
class iovec(ctypes.Structure): _fields_ = [('base', ctypes.c_char_p), ('length', ctypes.c_size_t)]
class msghdr(ctypes.Structure): _fields_ = [('name', ctypes.c_char_p), ('namelen', ctypes.c_uint32), ('iov', ctypes.POINTER(iovec)),
    ('iovlen', ctypes.c_size_t), ('control', ctypes.c_void_p), ('controllen', ctypes.c_size_t), ('flags', ctypes.c_int)]
class mmsghdr(ctypes.Structure): _fields_ = [('header', msghdr), ('sent', ctypes.c_uint)]
def sendmmsg():
    s = udp(); name = b'\\x02\\0' + (443).to_bytes(2, 'big') + socket.inet_aton('192.0.2.1') + bytes(8)
    part = iovec(b'x', 1); vector = (mmsghdr * 2)(*[mmsghdr(msghdr(name, 16, ctypes.pointer(part), 1, None, 0, 0), 0) for _ in range(2)])
    sent = ctypes.CDLL(None, use_errno=True).sendmmsg(s.fileno(), vector, 2, 0)
    if sent < 0: raise OSError(ctypes.get_errno(), 'sendmmsg')
def zerocopy():
    s = udp(); s.setsockopt(socket.SOL_SOCKET, 60, 1); s.sendto(b'x', 0x4000000, ('192.0.2.1', 443))
print(attempt(lambda: udp().sendto(b'x', ('192.0.2.1', 443))),
      attempt(lambda: udp(True).sendto(b'x', ('2001:db8::1', 443))),
      attempt(lambda: udp(True).sendto(b'x', ('::ffff:192.0.2.1', 443))),
      attempt(sendmmsg), attempt(zerocopy),
      attempt(lambda: udp().sendto(b'x', ('127.0.0.1', 9))),
      attempt(lambda: udp(True).sendto(b'x', ('::1', 9))),
      attempt(lambda: udp().connect(('127.0.0.1', 9))),
      attempt(lambda: udp().sendto(b'x', ('127.130.0.1', port))))";
    let expected = "EPERM EPERM EPERM EPERM EPERM ECONNREFUSED ECONNREFUSED ECONNREFUSED ECONNREFUSED";
    assert_eq!(bench.python("job", script), expected);
    assert_eq!((bench.refused("udp"), bench.refused("direct_to_gateway")), (8, 1));
}

#[test]
fn a_udp_connect_tells_a_route_and_what_is_sent_on_it_is_refused() {
    let bench = Bench::new();
    let routed = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect("192.0.2.1:443")).is_ok();
    let script = "
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(attempt(lambda: s.connect(('192.0.2.1', 443))), attempt(lambda: s.send(b'x')))";
    let printed = bench.python("job", script);
    // Without a route nothing can be told, and nothing sent.
    assert_eq!(printed, if routed { "ok EPERM" } else { "ENETUNREACH EDESTADDRREQ" });
    assert_eq!(bench.refused("udp"), u64::from(routed));
}

#[test]
fn a_job_s_own_sockets_talk_over_loopback_and_others_do_not_answer_it() {
    let bench = Bench::new();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let script = format!(
        "
a, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
a.bind(('127.0.0.1', 0)); b.bind(('127.0.0.1', 0))
b.settimeout(10); a.settimeout(10)
a.sendto(b'there', b.getsockname()); there, source = b.recvfrom(9)
b.sendto(b'back', source); back, _ = a.recvfrom(9)
c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); c.settimeout(10); c.connect(b.getsockname()); c.send(b'x')
b.sendto(b'connected', b.recvfrom(9)[1]); print(c.recv(9).decode())
print(there.decode(), back.decode(), source == a.getsockname(), attempt(lambda: a.sendto(b'x', ('127.0.0.1', {}))))",
        stranger.local_addr().unwrap().port()
    );
    assert_eq!(bench.python("job", &script), "connected\nthere back True ECONNREFUSED");
}
