//! Keys at a terminal: each as it is pressed. The terminal is as it was when this ends.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal as _, Stdin, stdin, stdout};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

/// A terminal that gives its keys at once.
pub(super) struct Keys {
    input: Stdin,
    before: Termios,
}

/// What is asked for by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Stop here, or go on.
    Pause,
    /// The next frame alone.
    Next,
    /// Twice as fast, or half.
    Faster,
    /// Half as fast.
    Slower,
    /// That is enough.
    Quit,
}

impl Keys {
    /// The terminal; none where it is not one, both ways.
    pub(super) fn open() -> Option<Self> {
        let input = stdin();
        if !input.is_terminal() || !stdout().is_terminal() {
            return None;
        }
        let before = tcgetattr(&input).ok()?;
        let mut raw = before.clone();
        // Ctrl-C comes as a key, so that the terminal is put right before this ends.
        raw.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG);
        for (place, value) in [(SpecialCharacterIndices::VMIN, 0), (SpecialCharacterIndices::VTIME, 0)] {
            if let Some(character) = raw.control_chars.get_mut(place as usize) {
                *character = value;
            }
        }
        tcsetattr(&input, SetArg::TCSADRAIN, &raw).ok()?;
        Some(Self { input, before })
    }

    /// The next key within this time; none of `patience` waits for one. `None` where none came.
    pub(super) fn next(&self, patience: Option<Duration>) -> io::Result<Option<Key>> {
        let until = patience.and_then(|patience| Instant::now().checked_add(patience));
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let wait = match (left, patience) {
                (Some(left), _) => PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX),
                // Longer than the clock goes.
                (None, Some(_)) => PollTimeout::MAX,
                (None, None) => PollTimeout::NONE,
            };
            let mut waited = [PollFd::new(self.input.as_fd(), PollFlags::POLLIN)];
            if poll(&mut waited, wait)? > 0 {
                let mut bytes = [0; 8];
                let read = nix::unistd::read(&self.input, &mut bytes)?;
                match read {
                    // The terminal has gone.
                    0 => return Ok(Some(Key::Quit)),
                    _ => {
                        if let Some(key) = key(bytes.get(..read).unwrap_or_default()) {
                            return Ok(Some(key));
                        }
                    }
                }
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(None);
            }
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // Nothing can be done where it has gone.
        let _restored = tcsetattr(&self.input, SetArg::TCSADRAIN, &self.before).is_ok();
    }
}

fn key(bytes: &[u8]) -> Option<Key> {
    match bytes {
        [b' ', ..] => Some(Key::Pause),
        [b'n' | b'N' | b'\n' | b'\r', ..] | [0x1b, b'[' | b'O', b'C', ..] => Some(Key::Next),
        [b'+' | b'=', ..] => Some(Key::Faster),
        [b'-' | b'_', ..] => Some(Key::Slower),
        // Ctrl-C and Ctrl-D beside it.
        [b'q' | b'Q' | 0x03 | 0x04, ..] => Some(Key::Quit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_what_a_terminal_sends() {
        for (bytes, known) in [
            (&b" "[..], Some(Key::Pause)),
            (b"n", Some(Key::Next)),
            (b"\x1b[C", Some(Key::Next)),
            (b"\x1bOC", Some(Key::Next)),
            (b"+", Some(Key::Faster)),
            (b"-", Some(Key::Slower)),
            (b"q", Some(Key::Quit)),
            (b"\x03", Some(Key::Quit)),
            (b"\x1b[A", None),
            (b"x", None),
        ] {
            assert_eq!(key(bytes), known, "{bytes:?}");
        }
    }
}
