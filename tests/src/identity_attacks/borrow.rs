//! Tokens that are good, and another job's.

use super::tokens::{borrowed, github, gitlab, right};
use super::{AUDIENCE, Attack, Attempt, Ground, Seen, attack, control};
use crate::issuer::{Answer, Issuer, REQUEST};
use serde_json::{Value, json};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

const DIAL: &str = "DIAL";
const KIND: &str = "borrowed token";
/// Two users that every Debian has and nobody uses: the victim's and the thief's.
const VICTIM: u32 = 5;
const THIEF: &str = "nobody";

pub(super) fn attacks() -> Vec<Attack> {
    let mut all = replays();
    all.extend(planted());
    all.extend(stolen());
    all.extend(pods());
    all.push(Attack {
        name: "taken from another job of the same user before that one has dialled".to_owned(),
        kind: KIND,
        attempt: Attempt::Excluded(
            "processes of one user can read each other's environment and memory: whoever shows a token first has it, and the \
             owner is refused as `borrowed` and told so; jobs need users (or containers) of their own",
        ),
    });
    all
}

/// A legitimate job with `first`, then another one with `second`.
fn after(issuer: &Issuer, first: &str, second: &str) -> Seen {
    let ground = Ground::new(issuer, "");
    control(&ground.ci_job(&[("WEIR_ID_TOKEN", first)], None, DIAL));
    ground.ci_job(&[("WEIR_ID_TOKEN", second)], None, DIAL)
}

fn replays() -> Vec<Attack> {
    vec![
        attack(KIND, "shown again by another job, after the owner's end and by a new gateway", |issuer| {
            let token = issuer.token(AUDIENCE, &gitlab());
            after(issuer, &token, &token)
        }),
        attack(KIND, "shown by another job while the owner runs", |issuer| {
            let ground = Ground::new(issuer, "");
            let token = issuer.token(AUDIENCE, &gitlab());
            let mut owner =
                ground.weir(None, "DIAL; read -r < DIR/pipe").env("WEIR_ID_TOKEN", &token).spawn().expect("weir starts");
            let pipe = ground.directory().join("pipe");
            nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("our own directory");
            crate::wait_until("the owner to dial", 30, || (ground.reached() == 1).then_some(()));
            let seen = ground.ci_job(&[("WEIR_ID_TOKEN", &token)], None, DIAL);
            std::fs::write(&pipe, "\n").expect("the owner reads");
            owner.wait().expect("our own child");
            seen
        }),
        attack(KIND, "shown by two jobs at once: one more than one", |issuer| {
            let ground = Ground::new(issuer, "");
            let token = issuer.token(AUDIENCE, &gitlab());
            let start =
                || ground.weir(None, DIAL).env("WEIR_ID_TOKEN", &token).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let both: Vec<Child> = (0..2).map(|_| start().expect("weir starts")).collect();
            both.into_iter().for_each(|mut job| drop(job.wait()));
            Seen { reached: ground.reached().saturating_sub(1), principals: ground.sessions(), ..Seen::default() }
        }),
        attack(KIND, "another token with the id (jti) of one that was shown", |issuer| {
            let with = |job: &str| issuer.token(AUDIENCE, &json!({ "project_path": "acme/shop", "job_id": job, "jti": "same" }));
            after(issuer, &with("1"), &with("2"))
        }),
        attack(KIND, "another token of a job that was shown", |issuer| {
            after(issuer, &issuer.token(AUDIENCE, &gitlab()), &issuer.token(AUDIENCE, &gitlab()))
        }),
        attack(KIND, "an ECDSA token with its signature written anew", |_| {
            let issuer = Issuer::start();
            issuer.rotate(crate::issuer::Signer::p256("ec"));
            let token = issuer.token(AUDIENCE, &json!({ "project_path": "acme/shop" }));
            after(&issuer, &token, &other_s(&token))
        }),
        attack(KIND, "GitHub's right to ask, used by another job", |_| {
            let issuer = Issuer::start();
            // Each time a token of its own: the right is what is the same.
            issuer.answer(REQUEST, Answer::Mint { bearer: "right".to_owned(), claims: without(&github(), "check_run_id") });
            let ground = Ground::new(&issuer, "");
            let variables = right(&format!("{}{REQUEST}", issuer.url), "right");
            control(&ground.ci_job(&borrowed(&variables), None, DIAL));
            ground.ci_job(&borrowed(&variables), None, DIAL)
        }),
        attack(KIND, "another right to ask, for a job that was shown", |_| {
            let issuer = Issuer::start();
            let ground = Ground::new(&issuer, "");
            let run = |bearer: &str| {
                issuer.answer(REQUEST, Answer::Mint { bearer: bearer.to_owned(), claims: github() });
                ground.ci_job(&borrowed(&right(&format!("{}{REQUEST}", issuer.url), bearer)), None, DIAL)
            };
            control(&run("right-1"));
            run("right-2")
        }),
    ]
}

/// A good token, where only the job's own code could have put it.
fn planted() -> Vec<Attack> {
    let inside = |name: &'static str, line: &'static str| {
        attack("planted token", name, move |issuer: &Issuer| {
            let ground = Ground::new(issuer, "");
            let token = issuer.token(AUDIENCE, &gitlab());
            std::fs::write(ground.directory().join("token"), &token).expect("our own directory");
            ground.ci_job(&[], None, line)
        })
    };
    vec![
        inside("in the environment of the process that dials", "WEIR_ID_TOKEN=$(cat DIR/token) DIAL"),
        inside(
            "exported by the job's shell, which is replaced by one that has it",
            "export WEIR_ID_TOKEN=$(cat DIR/token); exec bash -c 'DIAL; true'",
        ),
        inside("by a grandchild", "bash -c 'WEIR_ID_TOKEN=$(cat DIR/token) bash -c \"DIAL; true\"'"),
        inside("by exec -a, as `weir run`", "WEIR_ID_TOKEN=$(cat DIR/token) bash -c 'exec -a \"weir run\" DIAL'"),
        inside("by a process that has left its parents", "WEIR_ID_TOKEN=$(cat DIR/token) setsid -f DIAL; sleep 1"),
        inside(
            "written over the process's environment in memory",
            "PAD=$(head -c 2000 /dev/zero | tr '\\0' x) python3 -c \"
import os,ctypes
t=('WEIR_ID_TOKEN='+open('DIR/token').read()).encode()+b'\\0'
f=open('/proc/self/stat').read().rsplit(')',1)[1].split(); start=int(f[47])
ctypes.memmove(start,t,len(t))
assert open('/proc/self/environ','rb').read().startswith(b'WEIR_ID_TOKEN=')
import socket
s=socket.create_connection(('127.0.0.1',PORT)); print(s.recv(2))\"",
        ),
        inside(
            "by PR_SET_MM, the environment moved to other memory",
            "python3 -c \"
import ctypes,socket
t=ctypes.create_string_buffer(('WEIR_ID_TOKEN='+open('DIR/token').read()).encode())
l=ctypes.CDLL(None,use_errno=True); a=ctypes.addressof(t)
print([l.prctl(35,n,ctypes.c_ulong(v),0,0) for n,v in ((10,a),(11,a+len(t)))])
s=socket.create_connection(('127.0.0.1',PORT)); print(s.recv(2))\"",
        ),
        attack("planted token", "written into the gateway's own environment in memory", |issuer| {
            let ground = Ground::new(issuer, "");
            std::fs::write(ground.directory().join("token"), issuer.token(AUDIENCE, &gitlab())).expect("our own directory");
            let line = "python3 -c \"
import sys
token=('WEIR_ID_TOKEN='+open('DIR/token').read()).encode()+b'\\0'
start=int(open('/proc/%s/stat'%sys.argv[1]).read().rsplit(')',1)[1].split()[47])
memory=open('/proc/%s/mem'%sys.argv[1],'r+b',0); memory.seek(start); memory.write(token)\" $PPID; DIAL";
            ground.ci_job(&[], Some(THIEF), line)
        }),
    ]
}

/// A good token of another user's job.
fn stolen() -> Vec<Attack> {
    let from = |name: &'static str, line: &'static str| {
        attack("stolen token", name, move |issuer: &Issuer| {
            let ground = Ground::new(issuer, "");
            let token = issuer.token(AUDIENCE, &gitlab());
            let mut victim = Command::new("sleep");
            victim.arg("60").env_clear().env("WEIR_ID_TOKEN", &token).uid(VICTIM).gid(VICTIM);
            let mut victim = victim.spawn().expect("sleep starts");
            let line = line.replace("VICTIM", &victim.id().to_string());
            // What the thief could read it would show the way that counts: to a `weir run` of its own.
            let read = ground.ci_job(&[], Some(THIEF), &line);
            let shown = if read.stdout.contains(&token) { ground.ci_job(&[("WEIR_ID_TOKEN", &token)], None, DIAL) } else { read };
            victim.kill().ok();
            victim.wait().expect("our own child");
            shown
        })
    };
    vec![
        from("read from /proc/PID/environ of another user's job", "tr '\\0' '\\n' < /proc/VICTIM/environ; DIAL"),
        from("read from /proc/PID/mem of another user's job", "head -c 1 /proc/VICTIM/mem; cat /proc/VICTIM/maps; DIAL"),
        from(
            "read by ptrace from another user's job",
            "python3 -c \"import ctypes; l=ctypes.CDLL(None,use_errno=True); print(l.ptrace(16,VICTIM,0,0), ctypes.get_errno())\"; DIAL",
        ),
        from(
            "read by process_vm_readv from another user's job",
            "python3 -c \"import ctypes; l=ctypes.CDLL(None,use_errno=True); b=ctypes.create_string_buffer(8); v=(ctypes.c_ulong*2)(ctypes.addressof(b),8); r=(ctypes.c_ulong*2)(0x400000,8); print(l.process_vm_readv(VICTIM,v,1,r,1,0), ctypes.get_errno())\"; DIAL",
        ),
        from("through another user's root and descriptors", "ls /proc/VICTIM/root/ /proc/VICTIM/fd; DIAL"),
        attack("stolen token", "found in what the gateway keeps", |issuer| {
            let ground = Ground::new(issuer, "");
            let token = issuer.token(AUDIENCE, &gitlab());
            control(&ground.ci_job(&[("WEIR_ID_TOKEN", &token)], None, DIAL));
            let signature = token.rsplit('.').next().expect("a token has parts").to_owned();
            let found = Command::new("grep")
                .args(["-rlaF", &signature])
                .arg(ground.directory().join("state"))
                .output()
                .expect("grep starts");
            let denied = ground.ci_job(&[], Some(THIEF), "ls DIR/state/tokens; DIAL");
            Seen { reached: denied.reached + usize::from(!found.stdout.is_empty()), ..denied }
        }),
    ]
}

fn pods() -> Vec<Attack> {
    let with = |name: &'static str, claims: fn() -> Value| {
        attack("pod's token", name, move |issuer: &Issuer| {
            let ground = Ground::new(issuer, "");
            std::fs::write(ground.directory().join("pod-token"), issuer.token(AUDIENCE, &claims())).expect("our own directory");
            ground.ci_job(&[], None, DIAL)
        })
    };
    vec![
        with("bound to no pod", || {
            let mut claims = pod("deployer", "deployer");
            claims["kubernetes.io"].as_object_mut().expect("an object").remove("pod");
            claims
        }),
        with("whose subject is another account's", || pod("deployer", "builder")),
        with("whose account is another's than its subject", || pod("builder", "deployer")),
        with("of an account named like the victim's and more", || pod("deployer.evil", "deployer.evil")),
        attack("pod's token", "replaced by another pod's while the job runs", |issuer| {
            let ground = Ground::new(issuer, "");
            let file = ground.directory().join("pod-token");
            let now = crate::issuer::now();
            let mut own = pod("builder", "builder");
            own["exp"] = json!(now + 2);
            std::fs::write(&file, issuer.token(AUDIENCE, &own)).expect("our own directory");
            std::fs::write(ground.directory().join("next"), issuer.token(AUDIENCE, &pod("deployer", "deployer")))
                .expect("our own");
            // The first connect is attested as the job's own; the second comes after that token's end.
            ground.ci_job(&[], None, "DIAL; sleep 4; cp DIR/next DIR/pod-token; DIAL")
        }),
    ]
}

/// A pod's token of `account` whose subject says `subject`.
fn pod(account: &str, subject: &str) -> Value {
    json!({
        "sub": format!("system:serviceaccount:ci:{subject}"),
        "kubernetes.io": { "namespace": "ci", "serviceaccount": { "name": account, "uid": "s" }, "pod": { "name": "p", "uid": "u" } },
    })
}

fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().expect("claims are an object").remove(name);
    claims
}

/// The other signature that ECDSA has for the same: (r, n − s).
fn other_s(token: &str) -> String {
    use base64::Engine as _;
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
        0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (signed, signature) = token.rsplit_once('.').expect("a token has dots");
    let mut bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).expect("our own token");
    let mut borrow = 0;
    for (at, order) in ORDER.iter().enumerate().rev() {
        let less = i16::from(*order) - i16::from(bytes[32 + at]) - borrow;
        borrow = i16::from(less < 0);
        bytes[32 + at] = u8::try_from(less.rem_euclid(256)).expect("a byte");
    }
    format!("{signed}.{}", crate::issuer::encode(&bytes))
}
