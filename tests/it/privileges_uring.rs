//! io_uring in a job: sockets that the gateway sees work, others end the process that has them made.

use std::process::Command;
use weir_tests::{Outcome, Postgres, Weir};

/// Has io_uring make a socket of the family that its argument names, by bare system calls.
pub(crate) const MAKE: &str = r#"
import ctypes, mmap, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
params = ctypes.create_string_buffer(120)
ring = libc.syscall(425, 4, params)
if ring < 0:
    print("setup", os.strerror(ctypes.get_errno())); sys.exit(0)
words = struct.unpack("30I", params.raw)
sq_entries, sq_off, cq_off = words[0], words[10:20], words[20:30]
area = mmap.mmap(ring, sq_off[6] + 64 + 4 * words[0] + 4096, offset=0)
entries = mmap.mmap(ring, 64 * sq_entries, offset=0x10000000)
# opcode, flags, ioprio, fd = family, off = type, addr, len = protocol
entries[0:64] = struct.pack("<BBHiQQIIQHHiQQ", 45, 0, 0, int(sys.argv[1]), int(sys.argv[2]), 0, 0, 0, 1, 0, 0, 0, 0, 0)
area[sq_off[6]:sq_off[6] + 4] = struct.pack("<I", 0)
tail = struct.unpack("<I", area[sq_off[1]:sq_off[1] + 4])[0]
area[sq_off[1]:sq_off[1] + 4] = struct.pack("<I", tail + 1)
libc.syscall(426, ring, 1, 1, 1, None, 0)
result = struct.unpack("<Qi", area[cq_off[5]:cq_off[5] + 12])[1]
print("socket" if result >= 0 else os.strerror(-result))
"#;

#[test]
fn io_uring_makes_the_sockets_that_seccomp_allows_and_no_others() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let make = |family: &'static str, kind: &'static str| ["/usr/bin/python3", "-c", MAKE, family, kind];
    let outside: Outcome = Command::new("/usr/bin/python3").args(&make("40", "1")[1..]).output().expect("python3").into();
    // The way round: no privilege, no seccomp filter sees it.
    assert_eq!(outside.stdout, "socket\n", "{}", outside.stderr);
    for options in [&[][..], &["--uid", "nobody"], &["--privileges", "confined"]] {
        let told = weir.run_with(options, &["true"]).expect_success().stderr;
        if told.contains("io_uring refused") {
            // The kernel can't watch it: then there is none.
            let refused = weir.run_with(options, &make("2", "1")).expect_success();
            assert_eq!(refused.stdout, "setup Operation not permitted\n");
            continue;
        }
        assert!(told.contains("io_uring watched"), "{told}");
        let inet = weir.run_with(options, &make("2", "1")).expect_success();
        assert_eq!(inet.stdout, "socket\n", "{}", inet.stderr);
        for (family, kind) in [("40", "1"), ("38", "5"), ("17", "3")] {
            let other = weir.run_with(options, &make(family, kind));
            assert_eq!((other.status, other.stdout.as_str()), (Some(128 + 9), ""), "{family}: {}", other.stderr);
            assert!(other.stderr.contains("the process was ended"), "{}", other.stderr);
        }
    }
    let host = weir.run_with(&["--privileges", "host"], &make("40", "1")).expect_success();
    assert_eq!(host.stdout, "socket\n", "host cuts nothing: {}", host.stderr);
}
