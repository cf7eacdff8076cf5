//! A server that a Python program is, in an environment of its own: it says where it listens, and answers questions in JSON lines.

use crate::clients::python_with_receivers;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The running program; it is killed when dropped.
#[derive(Debug)]
pub(super) struct Helper {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Helper {
    /// Starts `drivers/SCRIPT`; what it says first is the other value.
    pub(super) fn start(script: &str, arguments: &[&str]) -> (Self, Value) {
        let mut python = Command::new(python_with_receivers());
        python.arg(format!("{}/drivers/{script}", env!("CARGO_MANIFEST_DIR"))).args(arguments);
        let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("python starts");
        let pipes = (child.stdin.take().expect("piped"), BufReader::new(child.stdout.take().expect("piped")));
        let helper = Self { child, pipes: Mutex::new(pipes) };
        let first = helper.line();
        (helper, first)
    }

    /// Its answer to a line.
    pub(super) fn ask(&self, question: &str) -> Value {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(pipes.0, "{question}").expect("it listens");
        read(&mut pipes.1)
    }

    fn line(&self) -> Value {
        read(&mut self.pipes.lock().unwrap_or_else(PoisonError::into_inner).1)
    }
}

fn read(from: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    from.read_line(&mut line).expect("it answers");
    serde_json::from_str(&line).expect("the helper of a receiver has ended: run it by hand to see why")
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
