//! io_uring stays usable: a kernel program watches which sockets a job has it make.
//!
//! `IORING_OP_SOCKET` (kernel 5.19) passes seccomp, and AF_VSOCK needs no privilege. The program ends the process, with SIGKILL,
//! as it submits such a request. It can't stop the request itself: what was submitted with it may still be begun.

use crate::capture::{kernel_types, member_offsets};
use aya::maps::{HashMap, PerCpuArray};
use aya::programs::BtfTracePoint;
use aya::{Btf, Ebpf, EbpfLoader, Endianness, include_bytes_aligned};

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/weir-uring"));

/// The watch, kept up for as long as this lives.
pub struct UringWatch {
    /// None where the kernel's io_uring makes no sockets at all.
    object: Option<Ebpf>,
}

impl UringWatch {
    /// Watches what is in the cgroup and below it.
    ///
    /// # Errors
    /// In words, where this kernel can't: then io_uring is not to be had by the job.
    pub fn start(cgroup_id: u64) -> Result<Self, String> {
        // Megabytes: every job waits until they are read.
        let types = kernel_types()?;
        let members = [("io_kiocb", "opcode"), ("io_socket", "domain")];
        let [request_opcode, socket_domain] = member_offsets(&types, members)?;
        let request_opcode = request_opcode.ok_or("the kernel's types have no io_kiocb.opcode")?;
        let Some(socket_domain) = socket_domain else {
            // Before 5.19: requests are there, one that makes sockets is not.
            return Ok(Self { object: None });
        };
        let said = |error: &dyn std::error::Error| error.to_string().lines().next().unwrap_or_default().to_owned();
        // The loader reads the kernel's types for itself, whatever it is told: both take as long as the rest of a job's start, and
        // are done beside each other.
        let (object, types) = std::thread::scope(|scope| {
            let types = scope.spawn(|| Btf::parse(&types, Endianness::default()).map_err(|error| said(&error)));
            let object = EbpfLoader::new()
                .override_global("REQUEST_OPCODE", &request_opcode, true)
                .override_global("SOCKET_DOMAIN", &socket_domain, true)
                .load(OBJECT)
                .map_err(|error| said(&error));
            (object, types.join())
        });
        let (mut object, types) = (object?, types.map_err(|_| "reading the kernel's types panicked")??);
        let watched = object.map_mut("WATCHED").ok_or("the built-in object has no `WATCHED`")?;
        let mut watched = HashMap::<_, u64, u64>::try_from(watched).map_err(|error| said(&error))?;
        watched.insert(cgroup_id, 1, 0).map_err(|error| said(&error))?;
        let program = object.program_mut("weir_uring_submit").ok_or("the built-in object has no `weir_uring_submit`")?;
        let program: &mut BtfTracePoint = program.try_into().map_err(|error: aya::programs::ProgramError| said(&error))?;
        program.load("io_uring_submit_req", &types).map_err(|error| said(&error))?;
        program.attach().map_err(|error| said(&error))?;
        Ok(Self { object: Some(object) })
    }

    /// How many processes were ended for a socket that seccomp would have refused.
    #[must_use]
    pub fn killed(&self) -> u64 {
        let counter = self.object.as_ref().and_then(|object| object.map("KILLED"));
        let counter = counter.and_then(|map| PerCpuArray::<_, u64>::try_from(map).ok());
        counter.and_then(|counter| counter.get(&0, 0).ok()).map_or(0, |all| all.iter().sum())
    }
}
