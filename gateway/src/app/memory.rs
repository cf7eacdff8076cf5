//! Memory that starting has used and running has no use for.

use std::thread;

/// Has the heap's free pages given back to the system, beside whatever else goes on: mostly those of the kernel's types, which are
/// read at the start and kept nowhere. Sessions would never get them: their threads have heaps of their own.
pub(super) fn give_back() {
    let given = thread::Builder::new().name("weir-trim".to_owned()).spawn(|| {
        #[cfg(target_env = "gnu")]
        #[expect(unsafe_code, reason = "the C library's allocator is asked for it")]
        // SAFETY: it takes a number of bytes and may be called from any thread at any time (malloc_trim(3)).
        unsafe {
            libc::malloc_trim(0);
        }
    });
    if let Err(error) = given {
        tracing::warn!(%error, "no thread to give memory back: the gateway keeps what starting has used");
    }
}
