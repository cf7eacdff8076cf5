//! Buffers that the sessions of one worker share, so that an idle session owns none.

use gateway_core::buffer::Buffer;
use gateway_core::protocol::Output;
use std::cell::RefCell;

/// How much one read asks for. Larger reads gain nothing on loopback (measured: ADR 0002).
const READ_SIZE: usize = 64 * 1024;
/// How many idle buffers a worker keeps.
const KEPT: usize = 64;
/// A buffer that grew past this for one large message is given back to the system.
const LARGEST_KEPT: usize = 4 * READ_SIZE;

thread_local! {
    static BUFFERS: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
    static OUTPUT: RefCell<Output> = RefCell::new(Output::default());
}

/// An empty buffer with room for a read.
pub fn take() -> Buffer {
    BUFFERS.with_borrow_mut(Vec::pop).unwrap_or_else(|| Buffer::with_capacity(READ_SIZE))
}

/// Gives `buffer`'s memory back if it is empty, and leaves it as it is if not.
pub fn release(buffer: &mut Buffer) {
    if buffer.is_empty() && buffer.capacity() > 0 {
        let buffer = std::mem::take(buffer);
        if buffer.capacity() <= LARGEST_KEPT {
            BUFFERS.with_borrow_mut(|kept| {
                if kept.len() < KEPT {
                    kept.push(buffer);
                }
            });
        }
    }
}

/// Lends the worker's output. Not to be nested.
pub fn with_output<R>(use_it: impl FnOnce(&mut Output) -> R) -> R {
    OUTPUT.with_borrow_mut(|output| {
        // What went out last took its memory along.
        for buffer in [&mut output.to_server, &mut output.to_client] {
            if buffer.capacity() == 0 {
                *buffer = take();
            }
        }
        use_it(output)
    })
}
